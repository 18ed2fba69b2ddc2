"""flax linen: its own interceptors tell of every call, with the module's path."""

import inspect
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from pathflow.adapters._inherited import Calls
from pathflow.tracing import AbstractAdapter, ModelFunction, OnCall, register_adapter


class _Linen(AbstractAdapter):
    """flax linen."""

    @property
    def library(self) -> str:
        return "flax.linen"

    def function(self, model: Any) -> ModelFunction | None:
        linen = sys.modules[self.library]
        if not isinstance(model, linen.Module):
            model, method = getattr(model, "__self__", None), model
            if not isinstance(model, linen.Module) or method != model.apply:
                return None
        elif model.scope is not None:
            # A bound module has its variables.
            return ModelFunction(model, type(model), type(model).__call__)
        return ModelFunction(model.apply, type(model), type(model).__call__, ["variables"])

    def listening(
        self,
        fn: Callable[..., Any],  # noqa: ARG002
        methods: frozenset[str],
        on_call: OnCall,
    ) -> AbstractContextManager[Any]:
        calls = Calls(on_call)

        def intercept(run: Callable[..., Any], args: Any, kwargs: Any, context: Any) -> Any:
            module, method = context.module, context.method_name
            if method not in methods:
                return run(*args, **kwargs)
            defined_in = _defining(type(module), method, context.orig_method.func)
            inside = lambda: run(*args, **kwargs)  # noqa: E731
            return calls.call(module, method, ".".join(module.path), defined_in, inside)

        return sys.modules[self.library].intercept_methods(intercept)


def _defining(cls: type, method: str, original: Any) -> type:
    """The class that defines a method, which linen has wrapped there."""
    for base in cls.__mro__:
        if inspect.unwrap(vars(base).get(method, _defining)) is inspect.unwrap(original):
            return base
    return cls


LINEN = register_adapter(_Linen())
