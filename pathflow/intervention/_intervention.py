"""Interventions: what a node holds in place of what it computes."""

import abc
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast, final

import jax
import jax.numpy as jnp
import numpy as np

from pathflow._described import described
from pathflow._errors import ArgumentError, ShapeError
from pathflow._precision import check_precision
from pathflow._random_key import check_key
from pathflow.evaluation import check_concrete
from pathflow.graph import Node
from pathflow.intervention._clean import Clean
from pathflow.tracing import Value


class AbstractIntervention(abc.ABC):
    """What replaces a node's value; a subclass says how it is made."""

    needs_value: bool = False
    """Whether it takes what the node would hold; otherwise that is not computed."""

    @abc.abstractmethod
    def replace(self, node: Node, value: Value | None, clean: Clean) -> Value:
        """The value in its place.

        Arguments:
            node: the node; `node.shape` and `node.dtype` are what the value must have, after an
                axis of examples where it has one.
            value: what the node would hold now, after the interventions before it, or where only
                some paths see interventions, without any; None unless `needs_value`.
            clean: the values of all nodes without any intervention, at these or other arguments.
        """


@final
@dataclass(frozen=True)
class Fix(AbstractIntervention):
    """A value of one's own.

    Arguments:
        value: an array of the node's shape, or `(examples, *shape)` where the arguments hold
            examples; a number stands for an array of it.
    """

    value: Any

    def replace(self, node: Node, value: Value | None, clean: Clean) -> Value:
        del value
        given = self.value
        if isinstance(given, float | np.floating) and not jnp.issubdtype(node.dtype, jnp.inexact):
            raise ArgumentError(
                f"Fix(value={given!r}) of node {str(node)!r}: it holds {node.dtype}; give an "
                "integer."
            )
        check_precision(f"the value given to node {str(node)!r}", given)
        try:
            array = jnp.asarray(given, node.dtype) if _is_number(given) else jnp.asarray(given)
        except (TypeError, ValueError):
            raise ArgumentError(
                f"Fix(value={described(given)}) of node {str(node)!r} is no array; give one of "
                f"shape {node.shape}, or a number."
            ) from None
        if array.ndim == 0:
            array = jnp.broadcast_to(array, node.shape)
        return checked(array, node, clean.examples, "Fix(value)")


@final
@dataclass(frozen=True)
class Zero(AbstractIntervention):
    """Zeros."""

    def replace(self, node: Node, value: Value | None, clean: Clean) -> Value:
        del value, clean
        return Value(jnp.zeros(node.shape, node.dtype))


@final
@dataclass(frozen=True)
class Mean(AbstractIntervention):
    """The mean of the node over examples, each evaluated without interventions.

    Arguments:
        args: other arguments to take the mean over, as a data set; those asked about by default.
        in_axes: which axis of each of them holds examples.
    """

    args: Sequence[Any] | None = None
    in_axes: Any = 0

    def replace(self, node: Node, value: Value | None, clean: Clean) -> Value:
        del value
        found = _over_examples(self, node, clean)
        if not jnp.issubdtype(found.array.dtype, jnp.inexact):
            raise ArgumentError(
                f"{type(self).__name__}() of node {str(node)!r}: it holds {node.dtype}, whose mean "
                "is no value that it could hold; use Resample or OtherInput."
            )
        return Value(found.array.mean(axis=0))


@final
@dataclass(frozen=True)
class Resample(AbstractIntervention):
    """What the node holds in another example, drawn at random, evaluated without interventions.

    Every node that the same object is used for takes its value from the same draw, so that what
    replaces the nodes fits together; use one object per node, with keys of their own, for
    independent draws. Of the examples asked about, no example draws itself.

    Arguments:
        key: a JAX random key.
        args: other arguments to draw from, as a data set; those asked about by default.
        in_axes: which axis of each of them holds examples.
    """

    key: Any
    args: Sequence[Any] | None = None
    in_axes: Any = 0

    def replace(self, node: Node, value: Value | None, clean: Clean) -> Value:
        del value
        check_key("Resample", self.key)
        found = _over_examples(self, node, clean)
        n, among = clean.examples, len(found.array)
        if self.args is not None:
            drawn = jax.random.randint(self.key, () if n is None else (n,), 0, among)
            return Value(found.array[drawn], batched=n is not None)
        if among == 1:
            raise ArgumentError(
                "Resample() draws from the other examples, but there is only one; give more, or "
                "a data set as args=."
            )
        steps = jax.random.randint(self.key, (among,), 1, among)
        return Value(found.array[(jnp.arange(among) + steps) % among], batched=True)


@final
@dataclass(frozen=True)
class OtherInput(AbstractIntervention):
    """What the node holds at another input, evaluated without interventions.

    Arguments:
        args: the other arguments, of the same shapes.
        in_axes: which axis of each of them holds examples, as many as are asked about: each takes
            its value from its own; None where all take it from the one input.
    """

    args: Sequence[Any]
    in_axes: Any = None

    def replace(self, node: Node, value: Value | None, clean: Clean) -> Value:
        del value
        found = clean.at(self.args, self.in_axes, type(self).__name__).value(node)
        if found.batched and found.array.shape[0] != clean.examples:
            raise ShapeError(
                f"OtherInput(args=...) holds {found.array.shape[0]} examples, but "
                f"{clean.examples or 'one'} is asked about; give one for each, or in_axes=None."
            )
        return found


@final
@dataclass(frozen=True)
class Apply(AbstractIntervention):
    """A function of what the node would hold, such as adding a direction to it.

    What it would hold is computed from the values under the other interventions. Where only some
    paths see them (`along`, `sparing`), no path leads from one intervened node through another, and
    it is what the node holds without any.

    Arguments:
        function: of the value of one example; it keeps shape and dtype.

    Raises:
        ArgumentError: it is no function.

    Example:
        ```python
        pf.do(graph, (x,), {"h": pf.Apply(lambda h: h + 2.0 * direction)})
        ```
    """

    function: Callable[[Any], Any]
    needs_value = True

    def __post_init__(self) -> None:
        if not callable(self.function):
            raise ArgumentError(
                f"Apply(function={described(self.function)}) takes a function of what the node "
                "would hold."
            )

    def replace(self, node: Node, value: Value | None, clean: Clean) -> Value:
        held, what = cast("Value", value), f"what Apply(function) returned for node {str(node)!r}"

        def of_one(own: Any) -> Any:
            found = self.function(own)
            check_precision(what, found)
            try:
                return jnp.asarray(found)
            except (TypeError, ValueError):
                raise ArgumentError(
                    f"{what} is {described(found)}, which is no array; let it return one of shape "
                    f"{node.shape}."
                ) from None

        array = (jax.vmap(of_one) if held.batched else of_one)(held.array)
        # Of a traced value that the function closes over.
        check_concrete("do", interventions=array)
        return checked(array, node, clean.examples, "Apply(function)")


def as_intervention(given: Any, caller: str = "do") -> AbstractIntervention:
    """An intervention from one, or from the value to be fixed; errors name the `caller`.

    Raises:
        ArgumentError: it is neither.
    """
    if isinstance(given, AbstractIntervention):
        return given
    if _is_number(given) or isinstance(given, np.ndarray | np.number | np.bool_ | jax.Array):
        return Fix(given)
    raise ArgumentError(
        f"{caller}(interventions=...) holds {described(given)}; give an array, or an "
        "intervention such as pathflow.Zero() or pathflow.Mean()."
    )


def checked(array: Any, node: Node, examples: int | None, what: str) -> Value:
    """The array as the node's value.

    Raises:
        ShapeError: its shape or dtype is another one.
    """
    batched = examples is not None and array.shape == (examples, *node.shape)
    if (array.shape != node.shape and not batched) or str(array.dtype) != node.dtype:
        also = "" if examples is None else f", or {(examples, *node.shape)} with one per example"
        raise ShapeError(
            f"{what} for node {str(node)!r} has shape {array.shape} and dtype {array.dtype}; the "
            f"node holds {node.shape} of {node.dtype}{also}."
        )
    return Value(array, batched=batched and array.shape != node.shape)


def _over_examples(by: Mean | Resample, node: Node, clean: Clean) -> Value:
    name = type(by).__name__
    of = clean if by.args is None else clean.at(by.args, by.in_axes, name)
    if of.examples is None:
        raise ArgumentError(
            f"{name}() takes its values from several examples, but there is one; give examples "
            f"with in_axes=, a data set as {name}(args=...), or another intervention, such as "
            "Zero()."
        )
    return of.spread(node)


def _is_number(given: Any) -> bool:
    numbers = int | float | np.integer | np.floating
    return isinstance(given, numbers) and not isinstance(given, bool)
