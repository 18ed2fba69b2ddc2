"""The question that a result answers, so that it can be asked again in another way."""

from dataclasses import dataclass, replace
from typing import Any, TypeVar, cast, final

import jax

from pathflow.evaluation import MATMUL_PRECISION
from pathflow.influence.question._identity import identity_of
from pathflow.influence.question._problem import Problem

Result = TypeVar("Result")


@final
@dataclass(frozen=True, eq=False)
class Origin:
    """A problem, which travels with a result but is no part of its data: copies share it, and a
    pickle leaves it behind.
    """

    problem: Problem

    def identity(self) -> dict[str, Any]:
        """What the answer depends on, as plain JSON."""
        with jax.default_matmul_precision(MATMUL_PRECISION):
            return identity_of(self.problem)

    def __deepcopy__(self, _: Any) -> "Origin":
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return type(None), ()

    def __repr__(self) -> str:
        return "Origin(...)"


def with_question(result: Result, problem: Problem) -> Result:
    """The result with its question, if it is of a kind that holds one."""
    if not hasattr(result, "question"):
        return result
    # A new problem holds the arguments, but not what has been computed from them.
    return replace(cast("Any", result), question=Origin(replace(problem)))
