"""Calls of a method that a class inherits, by the method that took its place (`super()`)."""

from collections.abc import Callable
from typing import Any

from pathflow.tracing import ModuleCall, OnCall, recipe_of


def told_as(module: type, method: str, defined_in: type, within: bool) -> type | None:
    """The class as which a call is told of, or None where it is a part of the call around it.

    Arguments:
        module: the module's class.
        method: the method that is called.
        defined_in: the class that defines it.
        within: whether the call around it is one of the same method of the same module.

    A method that calls the one that it took the place of is one call. A known recurrent cell is
    told of all the same, so that its gates are found in a subclass.
    """
    if not within or defined_in is next((c for c in module.__mro__ if method in vars(c)), None):
        return module
    return defined_in if recipe_of(defined_in, method) is not None else None


class Calls:
    """The calls of modules that know their paths, each within the one around it.

    Arguments:
        on_call: told of each call.
    """

    def __init__(self, on_call: OnCall) -> None:
        self._on_call = on_call
        self._around: list[tuple[Any, str]] = []

    def call(
        self,
        module: Any,
        method: str,
        path: str,
        defined_in: type,
        run: Callable[[], Any],
    ) -> Any:
        """Runs a call of a module's method, which some class defines."""
        top = self._around[-1] if self._around else (None, "")
        within = top[0] is module and top[1] == method
        told = told_as(type(module), method, defined_in, within)
        if told is None:
            return run()
        self._around.append((module, method))
        try:
            return self._on_call(ModuleCall(path, told, method), run)
        finally:
            self._around.pop()
