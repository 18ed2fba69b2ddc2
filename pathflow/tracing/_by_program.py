"""What is derived from a program, kept for equal ones."""

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Any, ParamSpec, TypeVar

from pathflow.tracing._program import Program

_Given = ParamSpec("_Given")
_Found = TypeVar("_Found")


def cached_by_program(
    most: int,
) -> Callable[[Callable[_Given, _Found]], Callable[_Given, _Found]]:
    """Keeps what a function derives from a program, as `functools.lru_cache` does, for all programs
    that are equal: the same function is often traced again.

    The function is given the program without the arrays that it closes over, so that the parameters
    of a model are not kept after everybody else has forgotten them.

    Arguments:
        most: how many results are kept.
    """

    def decorate(derive: Callable[_Given, _Found]) -> Callable[_Given, _Found]:
        kept = lru_cache(most)(derive)

        @wraps(derive)
        def found(*args: _Given.args, **named: _Given.kwargs) -> _Found:
            bare: list[Any] = [a.without_constants if isinstance(a, Program) else a for a in args]
            return kept(*bare, **named)

        return found

    return decorate
