"""The bytes that answering a question takes, told before anything is computed."""

from dataclasses import dataclass
from math import prod

from pathflow.graph import Node
from pathflow.influence.question._problem import Problem
from pathflow.influence.question._question import Question
from pathflow.influence.question._reference import reference_sizes, substituted
from pathflow.tracing import Program, cached_by_program, live_bytes_apart


@dataclass(frozen=True)
class Work:
    """What a search holds beside the context of the graph.

    Arguments:
        unit: bytes that one example takes at one point.
        examples: how many examples are worked on together.
        points: how many points of each are.
        held: bytes of the result while it is worked on, and of what all tiles share.
        after: bytes that are held beside the result when all tiles are done.
        checked: whether the untouched function's derivative is taken first.
    """

    unit: int
    examples: int
    points: int
    held: int
    after: int = 0
    checked: bool = True

    @property
    def tile(self) -> int:
        """Bytes of one tile."""
        return self.unit * self.examples * self.points

    @property
    def peak(self) -> int:
        """The most bytes at one time."""
        return self.held + max(self.tile, self.after)


@cached_by_program(64)
def function_bytes(
    program: Program, sources: tuple[Node, ...], target: Node, batched: tuple[int, ...]
) -> tuple[int, int]:
    """The bytes of the intermediate values of the untouched function.

    Arguments:
        program: the function.
        sources: the nodes whose values are given.
        target: the node that is wanted.
        batched: the positions of the arguments with an axis of examples.

    Returns:
        what all points and examples share, and what one point of one example takes.
    """
    varying = [*range(len(sources)), *(len(sources) + i for i in batched)]
    return live_bytes_apart(substituted(program, sources, target), varying)


def bytes_of(problem: Problem | Question) -> tuple[int, int]:
    """The same for a question: shared bytes, and those of one point of one example."""
    batched = tuple(i for i, v in enumerate(problem.args) if v.batched)
    return function_bytes(problem.program, problem.sources, problem.target, batched)


def checks_bytes(problem: Problem | Question, n_points: int) -> int:
    """What the derivative of the untouched function takes, with which a result is checked."""
    points, examples = reference_sizes(problem.program)
    shared, each = bytes_of(problem)
    # A value and its tangent; and all points are there while some are worked on.
    ends = 2 * sum(prod(s.shape) for s in problem.sources) * problem.dtype.itemsize
    together = min(problem.examples or 1, examples)
    return shared + together * (2 * each * min(n_points, points) + ends * n_points)


def context_bytes(problem: Problem) -> int:
    """What is computed from the arguments alone, once and for all."""
    flags = [v.batched for v in problem.args]
    return problem.traced.context.made_bytes(flags, problem.examples or 1)
