"""One line of the table, and how it is carried between processes."""

from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Row:
    """Seconds of one method.

    Arguments:
        steps: words of the sentence.
        key: short name, for the ratios and for programs that read the files.
        method: what it is.
        paths: how many paths it accounts for.
        seconds: one number per round.
        error: the largest difference from pathflow's influences, as a fraction of the largest
            influence compared; None where the method has no influences of single paths.
        total_error: the difference of the sums, as a fraction of the sum of absolute influences.
        note: what else a reader has to know.
        processor: processor time of the process in the same rounds, seconds; empty where it was not
            taken.
    """

    steps: int
    key: str
    method: str
    paths: int
    seconds: tuple[float, ...]
    error: float | None = None
    total_error: float | None = None
    note: str = ""
    processor: tuple[float, ...] = ()

    @property
    def median(self) -> float:
        """The median over rounds."""
        return median(self.seconds)

    @property
    def processor_median(self) -> float | None:
        """The median processor time over rounds, which waiting for others adds nothing to."""
        return median(self.processor) if self.processor else None

    @property
    def minimum(self) -> float:
        """The fastest round."""
        return min(self.seconds)
