"""What is derived from a graph, kept as long as that is."""

from collections.abc import Callable
from functools import update_wrapper
from typing import Any, Generic, TypeVar, final
from weakref import WeakSet

_Found = TypeVar("_Found")
# For so many questions to one graph, the oldest going first.
_MOST = 256


@final
class kept(Generic[_Found]):  # noqa: N801  (a decorator)
    """Keeps what a function derives from its first argument, a graph, with that graph.

    A cache of the module would hold graphs, with the parameters and the compiled code of their
    models, after everybody else has forgotten them.

    Arguments:
        derive: the function; its other arguments can be hashed.
    """

    def __init__(self, derive: Callable[..., _Found]) -> None:
        self._derive = derive
        self._owners: WeakSet[Any] = WeakSet()
        update_wrapper(self, derive)

    def __call__(self, owner: Any, *rest: Any, **named: Any) -> _Found:
        # The owner is frozen, and its dictionary no part of what it is.
        found = owner.__dict__.setdefault("_kept", {})
        key = (self, rest, tuple(sorted(named.items())))
        if key not in found:
            value = self._derive(owner, *rest, **named)
            while len(found) >= _MOST:
                found.pop(next(iter(found)), None)
            found[key] = value
            self._owners.add(owner)
        return found[key]

    def cache_clear(self) -> None:
        """Forgets all results, as that of `functools.lru_cache` does."""
        for owner in list(self._owners):
            found = owner.__dict__["_kept"]
            for key in [k for k in found if k[0] is self]:
                del found[key]
        self._owners.clear()
