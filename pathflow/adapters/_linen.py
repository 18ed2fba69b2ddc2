"""flax linen: its own interceptors tell of every call, with the module's path."""

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from pathflow.tracing import AbstractAdapter, ModelFunction, ModuleCall, OnCall, register_adapter


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
        def intercept(run: Callable[..., Any], args: Any, kwargs: Any, context: Any) -> Any:
            if context.method_name not in methods:
                return run(*args, **kwargs)
            path = ".".join(context.module.path)
            call = ModuleCall(path, type(context.module), context.method_name)
            return on_call(call, lambda: run(*args, **kwargs))

        return sys.modules[self.library].intercept_methods(intercept)


LINEN = register_adapter(_Linen())
