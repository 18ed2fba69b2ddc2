"""The audit of a result in plain sentences."""

import numpy as np

from ._audit import Audit


def plain_audit(audit: Audit) -> tuple[str, ...]:
    """What a result's own checks found, for a reader who knows no residuals.

    The first sentence is the verdict.
    """
    worst = float(np.max(audit.structural))
    points = "at 1 point" if audit.n_steps == 1 else f"at {audit.n_steps} points"
    lines = [_verdict(audit, worst)]
    if audit.quadrature is not None:
        gap = float(np.max(np.abs(audit.quadrature)))
        lines.append(
            f"Derivatives were taken {points} between the baseline and the input. The total misses "
            f"the change of the target between the two by {gap:.1e}; more points make that smaller."
        )
    else:
        lines.append(f"Derivatives were taken {points}.")
    lines += [f"No derivative passes here: {note}." for note in audit.blocked]
    return tuple(lines)


def _verdict(audit: Audit, worst: float) -> str:
    allowed = f"{audit.dtype} explains {audit.tolerance:.0e}"
    if np.isnan(worst):
        return "Not checked: nothing says whether the numbers add up to the whole derivative."
    what = f"{worst:.1e} of {audit.scale} ({allowed})"
    if audit.ok:
        return (
            "The check passed: the influences add up to the derivative of the untouched function, "
            f"computed without paths, to within {what}."
        )
    return (
        "THE CHECK FAILED: the influences miss the derivative of the untouched function, computed "
        f"without paths, by {what}. Do not rely on these numbers."
    )
