"""haiku: its own interceptors tell of every call, with the module's name."""

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from pathflow.adapters._inherited import Calls
from pathflow.tracing import AbstractAdapter, ModelFunction, OnCall, register_adapter


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
        calls = Calls(on_call)

        def intercept(run: Callable[..., Any], args: Any, kwargs: Any, context: Any) -> Any:
            module, method = context.module, context.method_name
            if method not in methods:
                return run(*args, **kwargs)
            # `~` marks modules that a constructor made: `mlp/~/linear_0`.
            path = ".".join(p for p in module.module_name.split("/") if p and p != "~")
            inside = lambda: run(*args, **kwargs)  # noqa: E731
            return calls.call(module, method, path, context.orig_class, inside)

        return sys.modules[self.library].intercept_methods(intercept)


HAIKU = register_adapter(_Haiku())
