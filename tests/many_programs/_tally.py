"""What came of many programs, in memory and in a file."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from benchmarks import _machine

# The most that a residual may be, relative to the sum of the sizes of all path influences.
EXACT = 1e-10


@dataclass
class Tally:
    """What came of the programs so far.

    Attributes:
        programs: programs with a path, as many as were compared.
        refused: of them, those that pathflow had to refuse and did: a decision of the program
            changes between the points, or no derivative gets through.
        paths: paths whose influences were compared one by one.
        checks: for each search, how many programs it was asked about.
        worst: for each search, the largest residual, relative to the sum of sizes.
        seconds: for each search, its share of the time.
        failures: what went wrong, in words.
    """

    programs: int = 0
    refused: int = 0
    paths: int = 0
    checks: dict[str, int] = field(default_factory=dict)
    worst: dict[str, float] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def add(self, other: "Tally") -> None:
        """Takes in what came of other programs."""
        self.programs += other.programs
        self.refused += other.refused
        self.paths += other.paths
        self.failures += other.failures
        for name, count in other.checks.items():
            self.checks[name] = self.checks.get(name, 0) + count
        for name, worst in other.worst.items():
            self.worst[name] = max(self.worst.get(name, 0.0), worst)
        for name, seconds in other.seconds.items():
            self.seconds[name] = self.seconds.get(name, 0.0) + seconds

    def note(self, name: str, residual: float, seconds: float) -> None:
        """Takes in one comparison."""
        one = Tally(checks={name: 1}, worst={name: residual}, seconds={name: seconds})
        if not residual <= EXACT:
            one.failures.append(f"{name}: residual {residual:.3g}")
        self.add(one)


def resumed(out: Path | None) -> tuple[Tally, int, float]:
    """What a file holds: the figures, the number of batches and the seconds; zeros without one."""
    if out is None or not out.exists():
        return Tally(), 0, 0.0
    found = json.loads(out.read_text())
    return Tally(**found["tally"]), found["batches"], found["seconds"]


def write(out: Path | None, tally: Tally, batches: int, seconds: float) -> None:
    """Writes a file anew, so that whoever reads it finds all of the old or all of the new."""
    if out is None:
        return
    out.parent.mkdir(parents=True, exist_ok=True)
    whole = {
        "about": _machine.about(),
        "tolerance": EXACT,
        "batches": batches,
        "seconds": seconds,
        "tally": asdict(tally),
    }
    new = out.with_suffix(".tmp")
    new.write_text(json.dumps(whole, indent=1) + "\n")
    new.replace(out)
