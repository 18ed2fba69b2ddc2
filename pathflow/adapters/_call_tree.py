"""Paths of modules that do not know them: found from the modules that are being called.

A module is called by another one, of which it is a part; so its path is that of the caller, and its
place in it. Transformations rebuild modules from their arrays, and then the part that is alike in
all but its arrays is meant; of several, the one that has the same arrays.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from pathflow.adapters._inherited import told_as
from pathflow.tracing import ModuleCall, OnCall

# The parts of a module at any depth, itself included, with their paths.
PartsOf = Callable[[Any], Iterable[tuple[tuple[str, ...], Any]]]
# Equal for two modules that differ in their arrays alone.
Kind = Callable[[Any], Any]
# The arrays of a module, in the same order for modules of one kind.
Leaves = Callable[[Any], Sequence[Any]]


@dataclass(frozen=True)
class _Called:
    module: Any
    path: tuple[str, ...]
    method: str = ""


class CallTree:
    """The modules that are being called, and what is told of them.

    Arguments:
        parts_of: the parts of a module.
        kind: what two modules share that differ in their arrays alone.
        leaves: the arrays of a module; something else stands where one has been taken out.
        roots: models that the traced function holds.
        on_call: told of each call.
    """

    def __init__(
        self,
        parts_of: PartsOf,
        kind: Kind,
        leaves: Leaves,
        roots: Iterable[Any],
        on_call: OnCall,
    ) -> None:
        self._parts_of = parts_of
        self._kind = kind
        self._leaves = leaves
        self._roots = [_Called(m, ()) for m in roots]
        self._on_call = on_call
        self._stack: list[_Called] = []

    def call(self, module: Any, method: str, defined_in: type, run: Callable[[], Any]) -> Any:
        """Runs a call of a module's method, which some class defines."""
        around = self._stack[-1] if self._stack else None
        within = around is not None and around.module is module and around.method == method
        told = told_as(type(module), method, defined_in, within)
        if told is None:
            return run()
        path = self._path(module)
        self._stack.append(_Called(module, path, method))
        try:
            return self._on_call(ModuleCall(".".join(path), told, method), run)
        finally:
            self._stack.pop()

    def _path(self, module: Any) -> tuple[str, ...]:
        owners = [*reversed(self._stack), *self._roots]
        # A function may hold a model and its parts; the path is that in the model.
        paths = [
            (*owner.path, *place)
            for owner in owners
            for place, part in self._parts_of(owner.module)
            if part is module
        ]
        if paths:
            return next(filter(None, paths), ())
        kind = self._kind(module)
        for owner in owners:
            alike = [
                (place, part)
                for place, part in self._parts_of(owner.module)
                if type(part) is type(module) and self._kind(part) == kind
            ]
            if len(alike) > 1:
                alike = [(place, part) for place, part in alike if self._rebuilt(part, module)]
            if len(alike) == 1:
                return (*owner.path, *alike[0][0])
        # A part of nothing that is known: a model of its own, or one made on the way.
        return () if not self._stack else (*self._stack[-1].path, type(module).__name__)

    def _rebuilt(self, part: Any, module: Any) -> bool:
        """Whether a module of a part's kind has all arrays that the part has, and it has some."""
        pairs = zip(self._leaves(part), self._leaves(module), strict=True)
        same = [own is other for own, other in pairs if _tells(own)]
        return bool(same) and all(same)


def _tells(leaf: Any) -> bool:
    return callable(leaf) or isinstance(leaf, jax.Array | np.ndarray)
