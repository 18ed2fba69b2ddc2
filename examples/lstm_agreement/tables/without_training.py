"""Numbers of untrained models, to stand beside those of the trained one."""

from collections.abc import Hashable, Iterable, Sequence

from examples.lstm_agreement.tables.table1 import Row
from pathflow.metrics import Interval

TRAINED = "trained"


def without_training(
    numbers: Iterable[tuple[str, Hashable, float]],
) -> dict[Hashable, Interval]:
    """The mean over untrained models, from the smallest to the largest number.

    Arguments:
        numbers: each with the name of its model, and what it is about.

    Returns:
        By what the numbers are about, where there is an untrained model.
    """
    found: dict[Hashable, list[float]] = {}
    for model, about, number in numbers:
        if model != TRAINED:
            found.setdefault(about, []).append(number)
    return {k: Interval(sum(v) / len(v), min(v), max(v)) for k, v in found.items()}


def magnitudes(rows: Sequence[Row]) -> dict[Hashable, Interval]:
    """The primary path's magnitude without training, by noun, task and condition."""
    return without_training(
        (r.model, (r.role, r.task, r.condition), r.magnitude.mean) for r in rows
    )
