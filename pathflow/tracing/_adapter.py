"""What pathflow must know of a library of modules: how to call its models, and how to hear of every
module that is called.

An adapter is registered once, by `register_adapter`, and asked only where its library has been
imported, so that no library is needed that a model does not use.
"""

import abc
import functools
import importlib
import inspect
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class ModuleCall:
    """A module is called.

    Arguments:
        path: of the module in the model, its parts joined by dots; empty for the model itself.
        module: its class.
        method: which of its methods is called.
    """

    path: str
    module: type
    method: str


# Told of a call, and how to run it; returns what the call returns.
OnCall = Callable[[ModuleCall, Callable[[], Any]], Any]


class ModelFunction:
    """A model as a function. Its output is the function's, so that the model's own call makes no
    node.

    Arguments:
        run: what is called.
        model: the model's class.
        method: the unbound method whose positional parameters it takes.
        first: names of parameters before those.
    """

    def __init__(
        self,
        run: Callable[..., Any],
        model: type,
        method: Callable[..., Any],
        first: Sequence[str] = (),
    ):
        self._run = run
        self.model = model
        self.__name__ = self.__qualname__ = model.__name__
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        own = list(inspect.signature(method).parameters.values())[1:]
        before = [inspect.Parameter(name, kind) for name in first]
        # A parameter of the model that bears the name of one before it leaves its place unnamed.
        if not any(p.name in first for p in own):
            self.__signature__ = inspect.Signature([*before, *own])

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._run(*args, **kwargs)


class AbstractAdapter(abc.ABC):
    """A library of modules.

    Arguments:
        library: the name under which it is imported, as in `equinox`.
    """

    @property
    @abc.abstractmethod
    def library(self) -> str:
        """The name under which the library is imported."""

    @abc.abstractmethod
    def function(self, model: Any) -> "ModelFunction | None":
        """The function of parameters and inputs that a model of this library is, or None where the
        object is no model of this library.
        """

    @abc.abstractmethod
    def listening(
        self, fn: Callable[..., Any], methods: frozenset[str], on_call: OnCall
    ) -> AbstractContextManager[Any]:
        """While active, calls of modules' methods that have one of the names go through `on_call`.

        Arguments:
            fn: the function that is about to run, whose closure may hold models.
            methods: the names of methods.
            on_call: told of each call.
        """


_ADAPTERS: list[AbstractAdapter] = []


def know_libraries() -> None:
    """Has the libraries registered that pathflow itself knows.

    Who imports this package alone has not imported those, which stand above it: they are brought by
    name when the first is asked for, or one of the user's own is registered, which so comes later.
    """
    importlib.import_module("pathflow.adapters")


def register_adapter(adapter: AbstractAdapter) -> AbstractAdapter:
    """Adds a library; returns the adapter.

    Arguments:
        adapter: asked after those that were registered before it.
    """
    know_libraries()
    _ADAPTERS.append(adapter)
    return adapter


def adapters() -> Iterator[AbstractAdapter]:
    """Those whose library has been imported."""
    know_libraries()
    return (a for a in _ADAPTERS if a.library in sys.modules)


def as_function(model: Any) -> Callable[..., Any]:
    """A model of a known library as a function; anything else as it is."""
    if isinstance(model, functools.partial):
        inner = as_function(model.func)
        if inner is not model.func:
            return functools.partial(inner, *model.args, **model.keywords)
    for adapter in adapters():
        function = adapter.function(model)
        if function is not None:
            return function
    return model


def model_of(fn: Callable[..., Any]) -> type | None:
    """The class of the model that a function is, with some of its arguments or without."""
    while isinstance(fn, functools.partial):
        fn = fn.func
    return fn.model if isinstance(fn, ModelFunction) else None
