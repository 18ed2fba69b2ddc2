"""Local partials: the Jacobian of one node with respect to one predecessor, as a linear map that is
never written out.
"""

from collections.abc import Sequence
from math import prod
from typing import Any

from pathflow.tracing._joint import JointPartial
from pathflow.tracing._node_class import NodeClass, equation_cost

# An elementwise pass moves memory; on current processors that takes as long as this many operations
# per entry.
_PASS = 300


class LocalPartial:
    """`J[u -> v]` for the nodes `v` of a class and the predecessor in one slot.

    Attributes:
        shared: positions, among predecessors then context, of the inputs that the map reads as they
            are; see `JointPartial`.
        in_aval: shape and dtype of the predecessor's tangents.
        out_aval: of the node's.
        cost: operations for one tangent at one point, an estimate for choosing where prefixes and
            suffixes meet.
        transposed: whether the map that is kept is the pull; see `JointPartial`.
    """

    def __init__(self, computes: NodeClass, slot: int) -> None:
        self.computes, self.slot = computes, slot
        self._joint = JointPartial(computes, (slot,))
        self.transposed = self._joint.transposed
        self.shared, self.out_aval = self._joint.shared, self._joint.out_aval
        (self.in_aval,) = self._joint.in_avals
        self.cost = sum(map(equation_cost, self.linear[0].eqns)) + _PASS * max(
            prod(self.out_aval.shape), prod(self.in_aval.shape)
        )

    @property
    def residual_entries(self) -> int:
        """How many entries the residuals have, for one example at one point."""
        return self._joint.residual_entries

    @property
    def linear(self) -> tuple[Any, list[int | None]]:
        """The map's jaxpr, and for each of its constants the input that it is, or None for a
        residual.
        """
        return self._joint.linear

    def residuals(self, inputs: Sequence[Any]) -> list[Any]:
        """What the map must know of the inputs (predecessors, then context), beyond the shared
        ones.
        """
        return self._joint.residuals(inputs)

    def push(self, residuals: Sequence[Any], shared: Sequence[Any], tangent: Any) -> Any:
        """The map applied to a tangent of the predecessor: a tangent of the node (a jvp)."""
        return self._joint.push(residuals, shared, (tangent,))

    def pull(self, residuals: Sequence[Any], shared: Sequence[Any], cotangent: Any) -> Any:
        """The transposed map applied to a cotangent of the node: a cotangent of the predecessor (a
        vjp).
        """
        return self._joint.pull(residuals, shared, cotangent)[0]
