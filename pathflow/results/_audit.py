"""The audit: two residuals that say how far a result can be trusted."""

from dataclasses import dataclass
from typing import Any, final

import jax
import numpy as np

from pathflow._printable import printable
from pathflow.drawing import AbstractDisplayed, Page, lines

# What rounding may leave of sums of products, by the precision that they were taken in.
_TOLERANCES = {"float64": 1e-10, "float32": 1e-4, "float16": 1e-2, "bfloat16": 1e-1}


@final
@dataclass(frozen=True, eq=False)
class Audit(AbstractDisplayed):
    """How well a result agrees with two numbers that were computed without paths.

    A pytree: the first three attributes are leaves, with an axis of examples where the result has
    one.

    Arguments:
        structural: `|sum of paths - derivative|`, relative to the sum of the paths' absolute values
            (cancellation makes an error relative to the total meaningless), or to what `scale`
            says; NaN if not checked. The derivative is `jax.jvp`'s, of the untouched function.
        reference_total: that derivative, averaged over the points.
        quadrature: total - (q(x) - q(x0)) on a line from a baseline, else None. It measures the
            quadrature rule, not the paths.
        n_steps: how many points the partials were taken at.
        blocked: notes on dependences that carry no derivative (integers, `stop_gradient`).
        dtype: the precision of the influences.
        scale: what the structural residual is relative to, in words.
    """

    structural: Any
    reference_total: Any
    quadrature: Any = None
    n_steps: int = 1
    blocked: tuple[str, ...] = ()
    dtype: str = "float64"
    scale: str = "the paths' absolute sum"

    @property
    def tolerance(self) -> float:
        """The largest structural residual that rounding explains."""
        return _TOLERANCES.get(self.dtype, _TOLERANCES["float32"])

    @property
    def ok(self) -> bool:
        """Whether the structural residual of every example was checked and is small enough."""
        return bool(np.all(np.asarray(self.structural) <= self.tolerance))

    def example(self, i: int) -> "Audit":
        """The audit of one example of a batch."""
        return jax.tree.map(lambda leaf: np.asarray(leaf)[i], self)

    def mean(self) -> "Audit":
        """The audit of the mean over a batch: mean totals and gaps, the worst residual."""
        quadrature = None if self.quadrature is None else np.mean(self.quadrature, dtype=np.float64)
        return Audit(
            structural=np.max(self.structural),
            reference_total=np.mean(self.reference_total, dtype=np.float64),
            quadrature=quadrature,
            n_steps=self.n_steps,
            blocked=self.blocked,
            dtype=self.dtype,
            scale=self.scale,
        )

    def _page(self) -> Page:
        return Page(lines(str(self)))

    def __str__(self) -> str:
        worst = float(np.max(self.structural))
        verdict = "ok" if self.ok else "not checked" if np.isnan(worst) else "FAILED"
        bound = f"of {self.scale}, at most {self.tolerance:.0e} allowed"
        texts = [
            f"audit ({self.dtype}, {self.n_steps} points): {verdict}",
            f"  structural residual  {worst:.1e} {bound}",
        ]
        if self.quadrature is not None:
            gap = float(np.max(np.abs(self.quadrature)))
            texts.append(f"  quadrature residual  {gap:.1e}, total against q(x) - q(x0)")
        texts += [f"  no derivative        {note}" for note in self.blocked]
        return printable("\n".join(texts))

    def __repr__(self) -> str:
        return f"Audit(structural={float(np.max(self.structural)):.1e}, ok={self.ok})"


# Registered by hand, not as a dataclass, so that rebuilding runs no check on whatever leaves
# a transformation puts in.
def _flatten(audit: Audit) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    leaves = (audit.structural, audit.reference_total, audit.quadrature)
    return leaves, (audit.n_steps, audit.blocked, audit.dtype, audit.scale)


def _unflatten(facts: tuple[Any, ...], leaves: tuple[Any, ...]) -> Audit:
    audit = object.__new__(Audit)
    names = ("structural", "reference_total", "quadrature", "n_steps", "blocked", "dtype", "scale")
    for name, value in zip(names, (*leaves, *facts), strict=True):
        object.__setattr__(audit, name, value)
    return audit


jax.tree_util.register_pytree_node(Audit, _flatten, _unflatten)


def audit_parts(audit: Audit) -> tuple[dict[str, Any], dict[str, Any]]:
    """What files hold of an audit: its residuals (a number, one per example, or None), and all else
    in plain values.
    """
    residuals = {
        "structural": audit.structural,
        "reference_total": audit.reference_total,
        "quadrature": audit.quadrature,
    }
    settings = {
        "ok": audit.ok,
        "tolerance": audit.tolerance,
        "scale": audit.scale,
        "n_steps": audit.n_steps,
        "dtype": audit.dtype,
        "blocked": list(audit.blocked),
    }
    return residuals, settings
