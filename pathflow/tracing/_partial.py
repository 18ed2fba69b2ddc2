"""Local partials: the Jacobian of one node with respect to one predecessor, as a linear map that is
never written out.

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
from pathflow.tracing._node_class import NodeClass, equation_cost

# An elementwise pass moves memory; on current processors that takes as long as this many operations
# per entry.
_PASS = 300


class LocalPartial:
    """`J[u -> v]` for the nodes `v` of a class and the predecessor in one slot.

    Attributes:
        shared: positions, among predecessors then context, of the inputs that the map reads as they
            are (a weight matrix); they are not residuals, so that they are not repeated for every
            point.
        cost: operations for one tangent at one point, an estimate for choosing where prefixes and
            suffixes meet.
    """

    def __init__(self, computes: NodeClass, slot: int) -> None:
        self.computes, self.slot = computes, slot
        avals = computes.avals
        n = computes.n_predecessors
        self._transposed = computes.reverse_only
        self._in_aval = avals[slot]
        self._dense_transpose = computes.forward_only
        linear: dict[str, Any] = {}

        def residuals(*inputs: Any) -> list[Any]:
            def of_slot(value: Any) -> Any:
                replaced = [*inputs[:slot], value, *inputs[slot + 1 : n]]
                return computes(replaced, inputs[n:])

            if self._transposed:
                out, pull = jax.vjp(of_slot, inputs[slot])
                traced = jax.make_jaxpr(lambda ct: pull(ct)[0])(jax.typeof(out))
            else:
                out, push = jax.linearize(of_slot, inputs[slot])
                traced = jax.make_jaxpr(push)(inputs[slot])
            linear["out"] = jax.ShapeDtypeStruct(out.shape, out.dtype)
            linear["jaxpr"], consts = open_jaxpr(traced)
            position = {id(x): i for i, x in enumerate(inputs)}
            linear["shared"] = [position.get(id(c)) for c in consts]
            return [c for c, at in zip(consts, linear["shared"], strict=True) if at is None]

        self._residuals = jaxpr_as_fun(jax.make_jaxpr(residuals)(*avals))
        self._linear, self._where = linear["jaxpr"], linear["shared"]
        self.out_aval = linear["out"]
        self.shared = tuple(sorted({at for at in self._where if at is not None}))
        self.cost = sum(map(equation_cost, self._linear.eqns)) + _PASS * max(
            prod(self.out_aval.shape), prod(self._in_aval.shape)
        )

        if self._transposed:
            self._check_linear(avals)

    def _check_linear(self, avals: Sequence[jax.ShapeDtypeStruct]) -> None:
        """Whether the pull can be transposed: a rule that clips its cotangent, say, is no linear
        map.
        """
        residuals = jax.eval_shape(self._residuals, *avals)
        jax.eval_shape(self.push, residuals, [avals[i] for i in self.shared], self._in_aval)

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

    def push(self, residuals: Sequence[Any], shared: Sequence[Any], tangent: Any) -> Any:
        """The map applied to a tangent of the predecessor: a tangent of the node (a jvp)."""
        if self._transposed:
            return jax.linear_transpose(self._map(residuals, shared), self.out_aval)(tangent)[0]
        return self._map(residuals, shared)(tangent)

    def pull(self, residuals: Sequence[Any], shared: Sequence[Any], cotangent: Any) -> Any:
        """The transposed map applied to a cotangent of the node: a cotangent of the predecessor (a
        vjp).
        """
        linear = self._map(residuals, shared)
        if self._transposed:
            return linear(cotangent)
        if self._dense_transpose:
            # A loop of unknown length cannot be transposed; its Jacobian, column by column, can.
            basis = jnp.eye(prod(self._in_aval.shape), dtype=self._in_aval.dtype)
            columns = jax.vmap(lambda e: linear(e.reshape(self._in_aval.shape)))(basis)
            axes = tuple(range(1, columns.ndim))
            return jnp.sum(columns * cotangent[None], axis=axes).reshape(self._in_aval.shape)
        return jax.linear_transpose(linear, self._in_aval)(cotangent)[0]

    def _map(self, residuals: Sequence[Any], shared: Sequence[Any]) -> Any:
        own, given = iter(residuals), dict(zip(self.shared, shared, strict=True))
        consts = [next(own) if at is None else given[at] for at in self._where]
        return lambda x: eval_jaxpr(self._linear, consts, x)[0]
