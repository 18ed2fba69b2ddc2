"""Results as pytrees."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

import jax


def register_result(cls: type, leaves: Sequence[str], facts: Sequence[str]) -> None:
    """Makes a kind of results pytrees.

    Arguments:
        cls: the kind, a frozen dataclass with `metadata`. What is neither named here nor that has
            its default afterwards.
        leaves: the attributes that are leaves, or pytrees of leaves.
        facts: those that are static.
    """

    # Static parts must be hashable and comparable, which a dictionary is not; its JSON text is.
    def flatten(result: Any) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        metadata = json.dumps(result.metadata, sort_keys=True)
        static = (*(getattr(result, name) for name in facts), metadata)
        return tuple(getattr(result, name) for name in leaves), static

    # Without the checks of a new result, for a transformation may put in whatever it likes.
    def unflatten(static: tuple[Any, ...], values: Iterable[Any]) -> Any:
        result = object.__new__(cls)
        *known, metadata = static
        named = zip((*leaves, *facts), (*values, *known), strict=True)
        for name, value in (*named, ("metadata", json.loads(metadata))):
            object.__setattr__(result, name, value)
        return result

    jax.tree_util.register_pytree_node(cls, flatten, unflatten)
