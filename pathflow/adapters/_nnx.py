"""flax nnx: methods of its modules' classes tell of every call."""

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

from pathflow.adapters._call_tree import CallTree
from pathflow.adapters._closure import held_by
from pathflow.adapters._patched import patched, subclasses
from pathflow.tracing import AbstractAdapter, ModelFunction, OnCall, register_adapter


class _NNX(AbstractAdapter):
    """flax nnx."""

    @property
    def library(self) -> str:
        return "flax.nnx"

    def function(self, model: Any) -> ModelFunction | None:
        nnx = sys.modules[self.library]
        if not isinstance(model, nnx.Module) or not callable(model):
            return None
        graph, state = nnx.split(model)

        def run(*args: Any, **kwargs: Any) -> Any:
            # A copy: what a call changes in its module (statistics, random keys) would otherwise
            # be left in the user's model, in the middle of a trace.
            return nnx.merge(graph, state, copy=True)(*args, **kwargs)

        return ModelFunction(run, type(model), type(model).__call__)

    def listening(
        self, fn: Callable[..., Any], methods: frozenset[str], on_call: OnCall
    ) -> AbstractContextManager[Any]:
        nnx = sys.modules[self.library]
        roots = held_by(fn, lambda x: isinstance(x, nnx.Module))
        tree = CallTree(_parts_of, nnx.graphdef, roots, on_call)
        return patched(subclasses(nnx.Module), methods, tree.call)


def _parts_of(module: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    for path, part in sys.modules["flax.nnx"].iter_modules(module):
        yield tuple(map(str, path)), part


NNX = register_adapter(_NNX())
