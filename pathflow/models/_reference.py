"""Reference models: modules that say how they were made, so that a file can describe them.

A model's `config` are the arguments of its constructor. A file names the class and holds the config
as JSON; a registry says which classes a file may name, so that reading a file runs no code but
theirs. Objects inside a config (an activation) are frozen dataclasses of a registry of their own.
"""

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import jax
from flax import nnx

from pathflow._errors import ArgumentError, CheckpointError

_Model = TypeVar("_Model", bound="type[AbstractReferenceModel]")
_Part = TypeVar("_Part", bound=type)

_MODELS: dict[str, "type[AbstractReferenceModel]"] = {}
_PARTS: dict[str, type] = {}

_CLASS = "class"


class AbstractReferenceModel(nnx.Module):
    """A module with tags inside that files can describe.

    A subclass takes its sizes and choices as constructor arguments, keeps each under the argument's
    name, and takes two keywords more: `dtype`, the floating type of the parameters, and `rngs`, the
    source of their first values. Arguments are numbers, texts, truth values, None, objects of
    classes that `register_part` was called with, and tuples of these. It is called on one example;
    `jax.vmap` makes a batch.

    Example:
        ```python
        @register_model
        class Linear(AbstractReferenceModel):
            def __init__(self, in_size, out_size, *, dtype=jnp.float32, rngs):
                self.in_size, self.out_size = in_size, out_size
                self.kernel = nnx.Param(
                    jax.random.normal(rngs.params(), (in_size, out_size), dtype)
                )

            def __call__(self, inputs):
                return pf.tag(inputs, "x") @ self.kernel[...]
        ```
    """

    @property
    def config(self) -> dict[str, Any]:
        """The constructor's arguments without `rngs`; `dtype` is the name of the parameters'."""
        names = list(inspect.signature(type(self).__init__).parameters)[1:]
        values = {n: getattr(self, n) for n in names if n not in ("dtype", "rngs")}
        return values | {"dtype": jax.tree.leaves(nnx.state(self, nnx.Param))[0].dtype.name}


def register_model(cls: _Model) -> _Model:
    """Lets files name a class of models, for `save_model` and `load_model`; a decorator.

    Raises:
        ArgumentError: it is no `AbstractReferenceModel`, or another class has the name.
    """
    if not (isinstance(cls, type) and issubclass(cls, AbstractReferenceModel)):
        raise ArgumentError(
            f"register_model(cls) takes a subclass of AbstractReferenceModel, got {cls!r}."
        )
    _enter(_MODELS, cls, "register_model(cls)")
    return cls


def register_part(cls: _Part) -> _Part:
    """Lets the config of a model hold objects of a class, such as an activation; a decorator.

    Raises:
        ArgumentError: it is no frozen dataclass, or another class has the name.
    """
    if not getattr(getattr(cls, "__dataclass_params__", None), "frozen", False):
        raise ArgumentError(f"register_part(cls) takes a frozen dataclass, got {cls!r}.")
    _enter(_PARTS, cls, "register_part(cls)")
    return cls


def _enter(registry: dict[str, Any], cls: type, argument: str) -> None:
    known = registry.setdefault(cls.__name__, cls)
    # A module that is loaded again defines the same class anew.
    if (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
        raise ArgumentError(
            f"{argument}: {known.__module__}.{known.__qualname__} has the name {cls.__name__} "
            f"already, and files know a class by it; rename {cls.__module__}.{cls.__qualname__}."
        )
    registry[cls.__name__] = cls


def class_name(model: AbstractReferenceModel) -> str:
    """The name under which files know a model's class.

    Raises:
        CheckpointError: its class is not registered.
    """
    name = type(model).__name__
    if _MODELS.get(name) is not type(model):
        raise CheckpointError(
            f"save_model(model=...): the class {name} is not registered, so the file could not be "
            "read again; put @register_model before it."
        )
    return name


def model_class(name: str) -> Callable[..., AbstractReferenceModel]:
    """The class that files know by a name.

    Raises:
        CheckpointError: there is none.
    """
    if name not in _MODELS:
        raise CheckpointError(
            f"there is no model class {name!r} among those known, {', '.join(sorted(_MODELS))}; "
            "import the module that registers it."
        )
    return _MODELS[name]


def encoded(value: Any, argument: str) -> Any:
    """A value of a config as JSON values: tuples as lists, objects as their class and fields.

    Raises:
        CheckpointError: it is of no kind that a file can hold; `argument` names it.
    """
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, tuple | list):
        return [encoded(entry, argument) for entry in value]
    if _PARTS.get(type(value).__name__) is type(value):
        fields = {f.name: getattr(value, f.name) for f in dataclasses.fields(value) if f.init}
        return {_CLASS: type(value).__name__} | {
            name: encoded(entry, f"{argument}.{name}") for name, entry in fields.items()
        }
    raise CheckpointError(
        f"{argument} is {value!r}, which a file cannot hold; use numbers, texts, tuples and "
        "objects of frozen dataclasses with @register_part before them."
    )


def decoded(value: Any) -> Any:
    """The value that `encoded` wrote.

    Raises:
        CheckpointError: an object's class is unknown.
        TypeError: an object has other fields.
    """
    if isinstance(value, list):
        return tuple(decoded(entry) for entry in value)
    if not isinstance(value, Mapping):
        return value
    fields = {name: decoded(entry) for name, entry in value.items()}
    name = fields.pop(_CLASS, None)
    if not isinstance(name, str) or name not in _PARTS:
        raise CheckpointError(
            f"there is no class {name!r} among those a config may hold, "
            f"{', '.join(sorted(_PARTS))}; import the module that registers it."
        )
    return _PARTS[name](**fields)
