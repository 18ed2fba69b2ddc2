"""What is derived from a graph, kept as long as that is."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Protocol, TypeVar, cast
from weakref import WeakSet

_Found_co = TypeVar("_Found_co", covariant=True)
# For so many questions to one graph, the oldest going first.
_MOST = 256


class Kept(Protocol[_Found_co]):
    """A function whose results are kept."""

    def __call__(self, *args: Any, **named: Any) -> _Found_co: ...

    def cache_clear(self) -> None:
        """Forgets all results, as those of `functools.lru_cache` do."""


def kept(derive: Callable[..., _Found_co]) -> Kept[_Found_co]:
    """Keeps what a function derives from its first argument, a graph, with that graph.

    A cache of the module would hold graphs, with the parameters and the compiled code of their
    models, after everybody else has forgotten them.

    Arguments:
        derive: the function; its other arguments can be hashed.
    """
    owners: WeakSet[Any] = WeakSet()

    @wraps(derive)
    def find(owner: Any, *rest: Any, **named: Any) -> _Found_co:
        # The owner is frozen, and its dictionary no part of what it is.
        found = owner.__dict__.setdefault("_kept", {})
        key = (derive, rest, tuple(sorted(named.items())))
        if key not in found:
            value = derive(owner, *rest, **named)
            while len(found) >= _MOST:
                found.pop(next(iter(found)), None)
            found[key] = value
            owners.add(owner)
        return found[key]

    def cache_clear() -> None:
        for owner in list(owners):
            found = owner.__dict__.get("_kept", {})
            for key in [k for k in found if k[0] is derive]:
                del found[key]
        owners.clear()

    find.cache_clear = cache_clear  # pyright: ignore[reportFunctionMemberAccess]
    return cast("Kept[_Found_co]", find)
