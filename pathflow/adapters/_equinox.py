"""equinox: methods of its modules' classes tell of every call."""

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import fields
from typing import Any

import jax

from pathflow.adapters._call_tree import CallTree
from pathflow.adapters._closure import held_by
from pathflow.adapters._patched import patched, subclasses
from pathflow.tracing import AbstractAdapter, ModelFunction, OnCall, register_adapter


class _Equinox(AbstractAdapter):
    """equinox."""

    @property
    def library(self) -> str:
        return "equinox"

    def function(self, model: Any) -> ModelFunction | None:
        if not _is_model(model) or not callable(model):
            return None
        return ModelFunction(model, type(model), type(model).__call__)

    def listening(
        self, fn: Callable[..., Any], methods: frozenset[str], on_call: OnCall
    ) -> AbstractContextManager[Any]:
        classes = filter(_is_public, subclasses(sys.modules[self.library].Module))
        tree = CallTree(_parts_of, _kind, jax.tree.leaves, held_by(fn, _is_model), on_call)
        return patched(classes, methods, tree.call)


def _is_public(cls: type) -> bool:
    """Whether a class is one of a model, and none of those that equinox wraps functions in, or that
    give back modules when they are called.
    """
    library = cls.__module__.split(".")[0] == "equinox"
    shared = sys.modules["equinox"].nn.Shared
    return not library or (cls.__module__.startswith("equinox.nn") and not issubclass(cls, shared))


def _is_model(x: Any) -> bool:
    return isinstance(x, sys.modules["equinox"].Module) and _is_public(type(x))


def _kind(module: Any) -> Any:
    return jax.tree_util.tree_structure(module)


def _parts_of(module: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Modules in fields, lists and dictionaries, the nearest first."""
    pending: list[tuple[tuple[str, ...], Any]] = [((), module)]
    while pending:
        path, item = pending.pop(0)
        if _is_model(item):
            yield path, item
        if isinstance(item, sys.modules["equinox"].Module):
            named = ((f.name, getattr(item, f.name, None)) for f in fields(item))
        elif isinstance(item, dict):
            named = ((str(k), v) for k, v in item.items())
        elif isinstance(item, list | tuple):
            named = ((str(i), v) for i, v in enumerate(item))
        else:
            continue
        pending += [((*path, name), part) for name, part in named]


EQUINOX = register_adapter(_Equinox())
