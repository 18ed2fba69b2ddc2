"""flax nnx: methods of its modules' classes tell of every call."""

import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import jax

from pathflow._compat import before_jit
from pathflow._errors import ChangingStateWarning
from pathflow._user_warning import warn_user
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
        method = "__call__"
        if inspect.ismethod(model) and isinstance(model.__self__, nnx.Module):
            model, method = model.__self__, model.__name__
        if not isinstance(model, nnx.Module) or not callable(getattr(model, method, None)):
            return None
        graph, state = nnx.split(model)
        told: list[bool] = []

        def run(*args: Any, **kwargs: Any) -> Any:
            # A copy: what a call changes in its module (statistics, random keys) would otherwise
            # be left in the user's model, in the middle of a trace.
            copied = nnx.merge(graph, state, copy=True)
            held = _variables(copied)
            result = getattr(copied, method)(*args, **kwargs)
            # Of the first time alone: one trace runs it several times.
            if not told:
                told.append(True)
                _warn_of_changes(copied, held)
            return result

        return ModelFunction(run, type(model), getattr(type(model), method))

    def listening(
        self, fn: Callable[..., Any], methods: frozenset[str], on_call: OnCall
    ) -> AbstractContextManager[Any]:
        nnx = sys.modules[self.library]
        roots = held_by(fn, lambda x: isinstance(x, nnx.Module))
        tree = CallTree(_parts_of, nnx.graphdef, _leaves, roots, on_call)
        return _advised(patched(subclasses(nnx.Module), methods, tree.call))


# What nnx says of a module that was made outside the trace in which it is called.
_OTHER_TRACE = "different trace level"


@contextmanager
def _advised(listening: AbstractContextManager[Any]) -> Iterator[None]:
    """While active, nnx's own refusal to change a module of another trace says what to do."""
    with listening:
        try:
            yield
        except (ValueError, sys.modules["flax.errors"].TraceContextError) as error:
            if _OTHER_TRACE not in str(error):
                raise
            error.add_note(
                "pathflow: the function holds an nnx module that its call changes (statistics, "
                "random keys, the state of a nnx.RNN, nnx.jit or nnx.scan). Trace the module "
                "itself (pf.trace(model, x)), one of its methods, or nnx.merge(graphdef, state, "
                "copy=True) inside the function."
            )
            raise


def _variables(module: Any, kind: Any = ...) -> dict[str, Any]:
    """The values of a module's variables of a kind, but for the state of random keys (what is drawn
    by them shows in the equations, and a key that is only counted on changes nothing) and for what
    a module sows, which nothing reads.
    """
    nnx = sys.modules["flax.nnx"]
    kept = nnx.state(module, nnx.All(kind, nnx.Not(nnx.Any(nnx.RngState, nnx.Intermediate))))
    return {_dotted(path): x for path, x in jax.tree_util.tree_leaves_with_path(kept)}


def _dotted(path: Any) -> str:
    return ".".join(str(key.key) for key in path if hasattr(key, "key"))


def _warn_of_changes(module: Any, before: dict[str, Any]) -> None:
    """Warns of variables that were there and that a call has written.

    A call under `nnx.jit` or `nnx.scan` writes all variables, most with what they were. Of a jit
    its equation tells which; where still something is written that only training changes, nothing
    is said.
    """
    nnx = sys.modules["flax.nnx"]
    after = {name: x for name, x in _variables(module).items() if name in before}
    changed = {name for name, x in after.items() if before_jit(x) is not before_jit(before[name])}
    if changed.isdisjoint(_variables(module, nnx.Param)) and changed:
        first = sorted(changed)[:3]
        warn_user(
            f"a call of {type(module).__name__} changes its own {', '.join(first)}"
            f"{', ...' * (len(changed) > 3)}: the graph is that of one call from the state as it "
            "is, and the change is dropped. A model in training mode is put in evaluation mode by "
            "model.eval(); statistics of a batch are then those that were learned, and not those "
            "of one example.",
            ChangingStateWarning,
        )


def _parts_of(module: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    for path, part in sys.modules["flax.nnx"].iter_modules(module):
        yield tuple(map(str, path)), part


def _leaves(module: Any) -> list[Any]:
    return jax.tree.leaves(sys.modules["flax.nnx"].state(module))


NNX = register_adapter(_NNX())
