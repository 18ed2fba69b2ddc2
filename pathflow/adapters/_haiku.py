"""haiku: its own interceptors tell of every call, with the module's name."""

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from pathflow.tracing import AbstractAdapter, ModelFunction, ModuleCall, OnCall, register_adapter


class _Haiku(AbstractAdapter):
    """haiku."""

    @property
    def library(self) -> str:
        return "haiku"

    def function(self, model: Any) -> ModelFunction | None:
        haiku = sys.modules[self.library]
        if isinstance(model, haiku.Transformed | haiku.TransformedWithState):
            return ModelFunction(model.apply, type(model), model.apply, ["params"])
        return None

    def listening(
        self,
        fn: Callable[..., Any],  # noqa: ARG002
        methods: frozenset[str],
        on_call: OnCall,
    ) -> AbstractContextManager[Any]:
        def intercept(run: Callable[..., Any], args: Any, kwargs: Any, context: Any) -> Any:
            if context.method_name not in methods:
                return run(*args, **kwargs)
            # `~` marks modules that a constructor made: `mlp/~/linear_0`.
            parts = [p for p in context.module.module_name.split("/") if p and p != "~"]
            call = ModuleCall(".".join(parts), type(context.module), context.method_name)
            return on_call(call, lambda: run(*args, **kwargs))

        return sys.modules[self.library].intercept_methods(intercept)


HAIKU = register_adapter(_Haiku())
