"""A case of the contract: a function, which of its values are nodes, and what is known of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import pathflow as pf

# A batch is made of the arguments themselves and of these multiples of them.
_SCALES = (1.0, 0.6, 1.3)


@dataclass(frozen=True, eq=False)
class Case:
    """A function and what must come out when it is traced.

    Arguments:
        name: the test's.
        make: from a floating dtype to the function (or model) and its arguments, in that dtype.
            Called again it gives a new function of the same values.
        names: the names of all nodes, inputs and quantity included, without loop indices.
        source: where the paths start.
        paths: how many paths lead to the target, known from elsewhere; or why that is not known.
        nodes: which values are nodes.
        target: where the paths end.
        qoi: the quantity of interest, of the function's output; None where the target is a node of
            the function itself.
        inputs: the parameters that are nodes, as in `pathflow.trace`.
        in_axes: 0 for every argument that a batch gives an axis to, None for the others.
        of_source: from the dtype to the function's quantity as a function of the source's value,
            and that value, for a source that is no input: then the total is checked against it.
        not_vmapped: why the function is not traced under `jax.vmap`, if it is not.
        new_classes: why a second trace has other node classes, so that it is compiled again, if so.
    """

    name: str
    make: Callable[[Any], tuple[Callable[..., Any], tuple[Any, ...]]]
    names: frozenset[str]
    source: str
    paths: int | str
    nodes: Any = pf.tagged()  # noqa: RUF009  (immutable)
    target: str = "qoi"
    qoi: Callable[[Any], Any] | None = jnp.sum
    inputs: tuple[str, ...] | None = None
    in_axes: tuple[int | None, ...] = (0,)
    of_source: Callable[[Any], tuple[Callable[[Any], Any], Any]] | None = None
    not_vmapped: str = ""
    new_classes: str = ""

    def trace(self, fn: Callable[..., Any], args: Sequence[Any], qoi: Any = None) -> Any:
        """The graph of the function, of that quantity in place of the case's own."""
        chosen = self.qoi if qoi is None else qoi
        return pf.trace(fn, *args, qoi=chosen, nodes=self.nodes, inputs=self.inputs)

    def attribute(self, traced: Any, args: Sequence[Any], in_axes: Any = None) -> pf.Attribution:
        """The influences of all paths at two points of a line that avoid its ends."""
        node = traced.node(self.source)
        doi = pf.Line(jnp.zeros(node.shape, node.dtype), n_steps=2, rule=pf.GaussLegendre())
        return pf.attribute(
            traced, tuple(args), source=self.source, target=self.target, doi=doi, in_axes=in_axes
        )

    def examples(self, args: Sequence[Any]) -> list[tuple[Any, ...]]:
        """Arguments for a few examples: floating ones are scaled, whole numbers are rolled."""

        def other(leaf: Any, number: int) -> Any:
            leaf = np.asarray(leaf)
            if np.issubdtype(leaf.dtype, np.floating):
                return (leaf * _SCALES[number]).astype(leaf.dtype)
            return np.roll(leaf, number)

        return [
            tuple(
                a if axis is None else jax.tree.map(lambda x, k=k: other(x, k), a)
                for a, axis in zip(args, self.in_axes, strict=True)
            )
            for k in range(len(_SCALES))
        ]

    def batch(self, examples: Sequence[tuple[Any, ...]]) -> tuple[Any, ...]:
        """The arguments of all examples, stacked where `in_axes` says so."""
        return tuple(
            columns[0] if axis is None else jax.tree.map(lambda *x: np.stack(x), *columns)
            for columns, axis in zip(zip(*examples, strict=True), self.in_axes, strict=True)
        )

    @cached_property
    def traced(self) -> tuple[Any, tuple[Any, ...], Any]:
        """In float64: the function, its arguments, its graph."""
        fn, args = self.make(jnp.float64)
        return fn, args, self.trace(fn, args)

    @cached_property
    def made(self) -> tuple[Any, tuple[Any, ...], Any, pf.Attribution]:
        """In float64: the function, its arguments, its graph, the influences of all paths."""
        fn, args, traced = self.traced
        return fn, args, traced, self.attribute(traced, args)

    @cached_property
    def one_by_one(self) -> np.ndarray:
        """In float64: the influences of all paths for each of the examples, (examples, paths)."""
        _, args, traced = self.traced
        return np.stack([self.attribute(traced, e).influences for e in self.examples(args)])
