"""In which direction JAX differentiates what a node computes.

Most of what a function holds has both directions. A loop of unknown length has no reverse, a custom
vjp rule no forward one, a call of Python neither; but a rule around such a loop may have both
again, and a linear solve has a rule. So names only say where to look, and JAX itself is asked: it
differentiates once, without computing anything.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp

from pathflow._compat import open_jaxpr
from pathflow.tracing._node_class import LIMITED, NodeClass, names_held


class DerivativeMode(Enum):
    """In which direction JAX differentiates a computation.

    Attributes:
        BOTH: forward (jvp) and in reverse (vjp).
        FORWARD: forward only, as through `jax.lax.while_loop`.
        REVERSE: in reverse only, as through `jax.custom_vjp`.
        NONE: not at all, as through `jax.pure_callback`.
    """

    BOTH = "both ways"
    FORWARD = "forward only"
    REVERSE = "reverse only"
    NONE = "no derivative"


@dataclass(frozen=True)
class Differentiable:
    """What JAX said.

    Arguments:
        mode: in which direction there is a derivative.
        why: what JAX said of the first direction that it refused, or nothing.
        primitives: what may be to blame for it.
    """

    mode: DerivativeMode
    why: str = ""
    primitives: tuple[str, ...] = ()


_BOTH = Differentiable(DerivativeMode.BOTH)
_MODES = {
    (True, True): DerivativeMode.BOTH,
    (True, False): DerivativeMode.FORWARD,
    (False, True): DerivativeMode.REVERSE,
    (False, False): DerivativeMode.NONE,
}


@lru_cache(4096)
def derivative_mode(
    computes: NodeClass, slots: tuple[int, ...], *, ask: bool = False
) -> Differentiable:
    """How the nodes of a class are differentiated with respect to the predecessors in some slots.

    Arguments:
        computes: the class.
        slots: positions among the predecessors.
        ask: whether JAX is asked although nothing in the class is known to be limited.
    """
    if not slots or not (ask or computes.limited):
        return _BOTH
    avals, n = computes.avals, computes.n_predecessors

    def of_slots(inputs: Any) -> Callable[..., Any]:
        def of(*values: Any) -> Any:
            replaced = list(inputs)
            for slot, value in zip(slots, values, strict=True):
                replaced[slot] = value
            return computes(replaced[:n], replaced[n:])

        return of

    def forward(*inputs: Any) -> Any:
        chosen = tuple(inputs[slot] for slot in slots)
        return jax.jvp(of_slots(inputs), chosen, chosen)

    def reverse(*inputs: Any) -> Any:
        out, pull = jax.vjp(of_slots(inputs), *(inputs[slot] for slot in slots))
        return pull(jnp.ones_like(out))

    refusals = [_refusal(way, avals) for way in (forward, reverse)]
    mode = _MODES[refusals[0] is None, refusals[1] is None]
    if mode is DerivativeMode.BOTH:
        return _BOTH
    why = next(r for r in refusals if r is not None)
    return Differentiable(mode, why, names_held(computes.equations, LIMITED))


def _refusal(way: Callable[..., Any], avals: Any) -> str | None:
    try:
        found, _ = open_jaxpr(jax.make_jaxpr(way)(*avals))
    # JAX has no error of its own for what it cannot differentiate.
    except (NotImplementedError, TypeError, ValueError) as error:
        return str(error).splitlines()[0]
    # A custom vjp rule leaves this behind, which fails only when it is computed.
    if names_held(found.eqns, frozenset({"custom_lin"})):
        return "a custom vjp rule has no forward mode."
    return None
