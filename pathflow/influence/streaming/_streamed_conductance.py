"""`conductance`: the influence through every node of a function as it is."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pathflow._compat import compiled
from pathflow._errors import ArgumentError, NonFiniteError
from pathflow.evaluation import MATMUL_PRECISION, lift
from pathflow.graph import Automaton, Node, Pattern, Patterns, as_pattern
from pathflow.influence.question._audit import audit_of_sums, refined
from pathflow.influence.question._points import points_of
from pathflow.influence.question._question import Question, make_question
from pathflow.influence.question._tiles import check_memory, tile_sizes
from pathflow.influence.question._work import Work
from pathflow.influence.streaming._mixing import Mixing, Move, automaton_for, make_mixing
from pathflow.influence.streaming._stream import (
    arrivals_of,
    call,
    derivative_errors,
    stream_tiles,
    values_of,
)
from pathflow.influence.streaming._streamed import warn_of_impossible
from pathflow.influence.streaming._streaming import SCALE
from pathflow.interest import AbstractDoI
from pathflow.results import Conductances
from pathflow.tracing import (
    AbstractNodeSelector,
    Program,
    TracedGraph,
    all_bytes,
    cached_by_program,
)

_WANTED = "paths"


def conductance(
    fn: Callable[..., Any] | TracedGraph,
    args: Sequence[Any],
    pattern: Pattern | str | None = None,
    *,
    source: Node | str | Sequence[Node | str],
    doi: AbstractDoI,
    target: Node | str | None = None,
    qoi: Any = None,
    in_axes: Any = None,
    nodes: AbstractNodeSelector | None = None,
    inputs: str | Sequence[str] | None = None,
    edges: bool = False,
    memory: int = 2**30,
    progress: Any = None,
) -> Conductances:
    """The influence of a pattern's paths through every node of a function as it is.

    What `pathflow.attribute` gives with `pathflow.Conductance`, without a graph. The tangents of
    `pathflow.aggregate` are multiplied, at every tag and in every iteration, by `1 + e`, with a
    number `e` for each; then, with `q` the sum of the pattern's lanes at the target,

        through(node) = dq / d e[node]  at e = 0,

    for all nodes by one backward pass.

    Arguments:
        fn: any function of arrays and pytrees, with tagged values; or what `pathflow.trace`
            returned.
        args: its arguments, as a tuple.
        pattern: the paths that count, as a pattern or its text; all by default.
        source: a node's label, or several; see `pathflow.aggregate` for all arguments that have the
            same names there.
        doi: the distribution of interest.
        target: a scalar node.
        qoi: a quantity of interest, or any function, of the output.
        in_axes: which axis of each argument holds examples.
        nodes: which tagged values are nodes.
        inputs: names of the parameters of `fn` that are nodes.
        edges: whether to tell also along which edge influence arrives at each node. The lanes then
            remember the tag that was passed last, but not in which iteration: `c1:` stands for `c1`
            in all its iterations together, and through it flows the sum of what flows through each.
            Edges along which nothing flows are left out.
        memory: bytes that activations and tangents may take together, by an estimate.
        progress: called with the fraction done after each tile.

    Returns:
        The influences, with their audit.

    Raises:
        NotDifferentiableError: JAX cannot differentiate the function in reverse, as through a loop
            of unknown length (`while`); and in the cases of `pathflow.aggregate`, as are the other
            errors.

    Example:
        ```python
        late = "x@0 .* c1@2: .* qoi"
        result = pf.conductance(model, (tokens,), late, source="x@0", doi=doi, qoi=qoi)
        result.through("c1@3") / result.total
        ```

    Source: K. Dhamdhere, M. Sundararajan, Q. Yan, "How important is a neuron?" (2018); with a
    pattern, the same over the product of paths and automaton.
    """
    check_memory(memory, "conductance(memory=...)")
    chosen = Patterns({_WANTED: as_pattern(".*" if pattern is None else pattern)})
    with jax.default_matmul_precision(MATMUL_PRECISION), derivative_errors():
        question = make_question(
            fn, args, source, doi, target, qoi, in_axes, nodes, inputs, "conductance"
        )
        return _conductances(question, chosen, memory, progress, edges=edges)


def _conductances(
    question: Question, partition: Patterns, memory: int, progress: Any, *, edges: bool
) -> Conductances:
    ends = (question.sources, question.target)
    automaton = automaton_for(partition, question.program, *ends)
    warn_of_impossible(question, partition, automaton)
    doi, checks = refined(question)
    mixing = make_mixing(automaton, question.program, *ends, edges=edges)
    flows = _Flows(question.with_doi(doi), mixing, automaton)
    flows.run(memory, progress)
    through, along = flows.through(), flows.along() if edges else {}
    _check_finite(through)
    # A tail that stands for several nodes: through it flows what flows out of it.
    for u, _ in along:
        if u not in through:
            out = [value for (tail, _), value in along.items() if tail == u]
            through[u] = np.sum(out, axis=0)
    shaped = (lambda a: a) if question.examples is not None else (lambda a: a[0])
    return Conductances(
        nodes=tuple(through),
        node_influences=shaped(np.stack([*through.values()], axis=-1)),
        edges=tuple(along) if edges else None,
        edge_influences=shaped(np.stack([*along.values()], axis=-1)) if edges else None,
        totals=np.asarray(shaped(flows.total)),
        audit=audit_of_sums(question, flows.everything, flows.scale, checks, SCALE, flows.gap),
        metadata={
            **question.metadata(doi, "Streaming"),
            "pattern": str(partition.patterns[_WANTED]),
        },
    )


class _Flows:
    """What flows through the nodes, for each example.

    Arguments:
        question: what is asked.
        mixing: what the tags do to the lanes.
        automaton: tells which states count.

    Attributes:
        total: the influence of the wanted paths, `(examples,)`.
        everything: the influence of all paths, `(examples,)`.
        scale: the sum of the absolute influences over what is told apart at the target.
    """

    def __init__(self, question: Question, mixing: Mixing, automaton: Automaton) -> None:
        self._question, self._mixing = question, mixing
        wanted = [bool(automaton.classes[q]) for q in mixing.states]
        self._wanted = tuple(wanted[end] for end in mixing.ends)
        batch = question.examples or 1
        self.total, self.everything, self.scale = (np.zeros(batch) for _ in range(3))
        self._last = np.zeros((batch, len(mixing.tail_nodes)))
        self._out = np.zeros((batch, len(question.sources)))
        self._into = [np.zeros((batch, *_shape(m, mixing))) for m in _scaled(mixing)]

    def run(self, memory: int, progress: Any) -> None:
        """Adds up all points."""
        question, mixing = self._question, self._mixing
        unit = (1 + mixing.n_lanes) * all_bytes(question.program.jaxpr)
        n_points = points_of(question, question.doi, slice(0, 1)).count
        sizes = tile_sizes(memory, unit, n_points, question.examples or 1)
        compiled = partial(_compiled, self._wanted)
        for tile in stream_tiles(question, Work(unit, *sizes, held=0), progress):
            arrived, out, into = call(compiled, question, mixing, tile)
            parts = _weighted(arrived, tile.weights, np.asarray)
            self._last[tile.examples] += parts[..., :-1]
            self.total[tile.examples] += parts[..., :-1].sum(axis=-1)
            self.everything[tile.examples] += parts.sum(axis=-1)
            self.scale[tile.examples] += _weighted(arrived, tile.weights, np.abs).sum(axis=-1)
            self._out[tile.examples] += _weighted(out, tile.weights, np.asarray)
            for sums, found in zip(self._into, into, strict=True):
                sums[tile.examples] += _weighted(found, tile.weights, np.asarray)

    @property
    def gap(self) -> np.ndarray:
        """How far what flows out of the sources misses what arrives."""
        return np.abs(self._out.sum(axis=1) - self.total)

    def along(self) -> dict[tuple[Node, Node], np.ndarray]:
        """What flows along each edge into a tag or the target, where it is not zero."""
        tails = self._mixing.tail_nodes
        found = [(node, into) for node, into in self._entries() if np.any(into)]
        found.append((self._question.target, self._last))
        sums: dict[tuple[Node, Node], np.ndarray] = {}
        for node, into in found:
            for i in np.flatnonzero(np.any(into, axis=0)):
                edge = (_known(tails[i]), node)
                sums[edge] = sums.get(edge, 0) + into[:, i]
        return sums

    def through(self) -> dict[Node, np.ndarray]:
        """What flows through each node."""
        question = self._question
        sums = dict(zip(question.sources, self._out.T, strict=True))
        for node, into in self._entries():
            if node not in question.sources:
                # Of the tags of one name in the branches of a cond, only one is met.
                sums[node] = sums.get(node, 0) + into.sum(axis=1)
        sums.pop(question.target, None)
        return {**sums, question.target: self.total}

    def _entries(self) -> Iterator[tuple[Node, np.ndarray]]:
        """Every node that a tag makes, with what arrives at it, `(examples, tails)`."""
        for move, into in zip(_scaled(self._mixing), self._into, strict=True):
            site = move.site
            for index in np.ndindex(into.shape[1:-1]):
                node = Node(site.name, index, site.shape, site.dtype)
                yield node, into[(slice(None), *index)]


def _scaled(mixing: Mixing) -> list[Move]:
    """The tags whose iterations are known in number; no derivative flows back through others."""
    return [m for m in mixing.moves if None not in m.site.lengths]


def _shape(move: Move, mixing: Mixing) -> tuple[int, ...]:
    lengths = [n for n in move.site.lengths if n is not None]
    return (*lengths, len(mixing.tail_nodes))


def _known(node: Node | None) -> Node:
    if node is None:
        raise ArgumentError("these lanes do not remember what was passed last; pass edges=True.")
    return node


def _weighted(values: Any, weights: np.ndarray, of: Callable) -> np.ndarray:
    """The sum over points, `([examples,] points, ...)` to `([examples,] ...)`."""
    array = of(np.asarray(values, np.float64))
    axis = weights.ndim - 1
    shape = (*weights.shape, *(1,) * (array.ndim - weights.ndim))
    return (array * weights.reshape(shape)).sum(axis=axis)


@cached_by_program(64)
def _compiled(
    wanted: tuple[bool, ...],
    program: Program,
    sources: tuple[Node, ...],
    target: Node,
    mixing: Mixing,
    flags: Any,
    examples: int | None,
) -> tuple[Callable, tuple[Node, ...]]:
    """Its finding: what arrives by each tail in the wanted lanes, and in all others; what flows out
    of each source; what flows into each tag, by its iterations and the tail.
    """
    at, tracked = values_of(program, sources, target, mixing.scaled_mixers())
    tails = np.eye(len(mixing.tail_nodes))[:, list(mixing.tails)]
    rows = np.concatenate([tails * np.array(wanted), 1.0 - np.array([wanted])])
    arrive, n = arrivals_of(program), len(sources)
    moves = _scaled(mixing)

    def one(*inputs: Any) -> Any:
        points, direction = inputs[:n], inputs[n : 2 * n]

        def total(by_source: Any, by_tag: Any) -> Any:
            given = {m.site.site: e for m, e in zip(moves, by_tag, strict=True)}
            scaled = [
                d * (1 + e).astype(d.dtype) for d, e in zip(direction, by_source, strict=True)
            ]
            value, met, arrived = arrive(at(inputs, given), mixing, points, scaled, rows)
            return arrived[:-1].sum(), (value, met, arrived)

        nothing = (
            jnp.zeros(n, target.dtype),
            [jnp.zeros(_shape(m, mixing), target.dtype) for m in moves],
        )
        flow = jax.value_and_grad(total, argnums=(0, 1), has_aux=True)
        (_, (value, met, arrived)), (out, into) = flow(*nothing)
        return value, met, (arrived, out, into)

    return compiled(lift(one, flags, examples, None)), tracked


def _check_finite(through: dict[Node, np.ndarray]) -> None:
    bad = next((str(node) for node, x in through.items() if not np.all(np.isfinite(x))), None)
    if bad is not None:
        raise NonFiniteError(
            f"The influence through {bad} is NaN or infinite although all activations are finite: "
            "a partial is (as that of a square root at zero); choose points where the model is "
            "differentiable, such as a line that does not end there."
        )
