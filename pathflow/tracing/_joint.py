"""Joint partials: the derivative of one node with respect to several predecessors at once, as a
linear map that is never written out.

The activation function is linearized once per evaluation of a node; what the linear map needs to
know of the activations (its *residuals*, such as a gate's slope) is computed together with the
node's value. The map itself is then applied to any number of tangents, or transposed and applied to
cotangents.
"""

from collections.abc import Sequence
from math import prod
from typing import Any

import jax
import jax.numpy as jnp
from jax.core import eval_jaxpr
from jax.extend.core import jaxpr_as_fun

from pathflow._compat import open_jaxpr
from pathflow.tracing._dependence import jaxpr_structure
from pathflow.tracing._derivative_mode import DerivativeMode, derivative_mode
from pathflow.tracing._node_class import NodeClass
from pathflow.tracing._structure import Sparsity, Structure


class JointPartial:
    """The derivative of the nodes `v` of a class with respect to the predecessors in some slots.

    Pushed tangents of all slots give one tangent of `v`, the sum of what each brings; a cotangent
    of `v` pulled back gives one for each slot.

    Attributes:
        slots: positions among the predecessors.
        shared: positions, among predecessors then context, of the inputs that the map reads as they
            are (a weight matrix); they are not residuals, so that they are not repeated for every
            point.
        residual_entries: how many entries the residuals have, for one example at one point.
        transposed: whether the map that is kept is the pull, because JAX cannot push through a
            custom vjp rule.
        in_avals: shape and dtype of each slot's tangents.
        out_aval: of the node's.
    """

    def __init__(self, computes: NodeClass, slots: Sequence[int]) -> None:
        self.computes, self.slots = computes, tuple(slots)
        avals = computes.avals
        n = computes.n_predecessors
        found = derivative_mode(computes, self.slots)
        if (mode := found.mode) is DerivativeMode.NONE:
            raise NotImplementedError(found.why)
        self.transposed = mode is DerivativeMode.REVERSE
        self._dense_transpose = mode is DerivativeMode.FORWARD
        self.in_avals = tuple(avals[slot] for slot in self.slots)
        self._structures: dict[int, Structure] = {}
        linear: dict[str, Any] = {}

        def residuals(*inputs: Any) -> list[Any]:
            chosen = [inputs[slot] for slot in self.slots]

            def of_slots(*values: Any) -> Any:
                replaced = list(inputs[:n])
                for slot, value in zip(self.slots, values, strict=True):
                    replaced[slot] = value
                return computes(replaced, inputs[n:])

            if self.transposed:
                out, pull = jax.vjp(of_slots, *chosen)
                traced = jax.make_jaxpr(pull)(jax.typeof(out))
            else:
                out, push = jax.linearize(of_slots, *chosen)
                traced = jax.make_jaxpr(push)(*chosen)
            linear["out"] = jax.ShapeDtypeStruct(out.shape, out.dtype)
            linear["jaxpr"], consts = open_jaxpr(traced)
            position = {id(x): i for i, x in enumerate(inputs)}
            linear["shared"] = [position.get(id(c)) for c in consts]
            return [c for c, at in zip(consts, linear["shared"], strict=True) if at is None]

        traced = jax.make_jaxpr(residuals)(*avals)
        self._residuals = jaxpr_as_fun(traced)
        self.residual_entries = sum(prod(v.aval.shape) for v in open_jaxpr(traced)[0].outvars)
        self._linear, self._where = linear["jaxpr"], linear["shared"]
        self.out_aval = linear["out"]
        self.shared = tuple(sorted({at for at in self._where if at is not None}))
        if self.transposed:
            self._check_linear(avals)

    def _check_linear(self, avals: Sequence[jax.ShapeDtypeStruct]) -> None:
        """Whether the pull can be transposed: a rule that clips its cotangent, say, is no linear
        map.
        """
        residuals = jax.eval_shape(self._residuals, *avals)
        jax.eval_shape(self.push, residuals, [avals[i] for i in self.shared], self.in_avals)

    @property
    def linear(self) -> tuple[Any, list[int | None]]:
        """The map's jaxpr, and for each of its constants the input that it is, or None for a
        residual.
        """
        return self._linear, self._where

    def residuals(self, inputs: Sequence[Any]) -> list[Any]:
        """What the map must know of the inputs (predecessors, then context), beyond the shared
        ones.
        """
        return list(self._residuals(*inputs))

    def push(self, residuals: Sequence[Any], shared: Sequence[Any], tangents: Sequence[Any]) -> Any:
        """The map applied to a tangent of each slot: a tangent of the node (a jvp)."""
        linear = self._map(residuals, shared)
        if self.transposed:
            return jax.linear_transpose(linear, self.out_aval)(list(tangents))[0]
        return linear(*tangents)[0]

    def pull(self, residuals: Sequence[Any], shared: Sequence[Any], cotangent: Any) -> list[Any]:
        """The transposed map applied to a cotangent of the node: a cotangent of each slot (a
        vjp).
        """
        linear = self._map(residuals, shared)
        if self.transposed:
            return linear(cotangent)
        if self._dense_transpose:
            return [self._column_sums(linear, i, cotangent) for i in range(len(self.slots))]
        return list(jax.linear_transpose(lambda *x: linear(*x)[0], *self.in_avals)(cotangent))

    def _column_sums(self, linear: Any, slot: int, cotangent: Any) -> Any:
        # A loop of unknown length cannot be transposed; its Jacobian, column by column, can.
        # Columns that share no row are had by one push.
        aval, structure = self.in_avals[slot], self._structure(slot)
        zeros = [jnp.zeros(a.shape, a.dtype) for a in self.in_avals]
        seeds = jnp.asarray(structure.seeds(), aval.dtype)
        if not len(seeds):
            return zeros[slot]

        def column(entries: Any) -> Any:
            return linear(*zeros[:slot], entries.reshape(aval.shape), *zeros[slot + 1 :])[0]

        columns = jax.vmap(column)(seeds).reshape(len(seeds), -1)
        products = columns * cotangent.reshape(1, -1)
        if structure.sparsity == Sparsity.DIAGONAL:
            return products.reshape(aval.shape)
        # What no column of a color reaches is dropped.
        sums = jnp.zeros(structure.n_in, products.dtype)
        return sums.at[structure.owner].add(products, mode="drop").reshape(aval.shape)

    def _structure(self, slot: int) -> Structure:
        if slot not in self._structures:
            self._structures[slot] = jaxpr_structure(self._linear, slot)
        return self._structures[slot]

    def _map(self, residuals: Sequence[Any], shared: Sequence[Any]) -> Any:
        own, given = iter(residuals), dict(zip(self.shared, shared, strict=True))
        consts = [next(own) if at is None else given[at] for at in self._where]
        return lambda *x: eval_jaxpr(self._linear, consts, *x)
