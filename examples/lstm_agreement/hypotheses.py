"""The paper's observations as hypotheses about a model, from the tables of a run: `python -m
examples.lstm_agreement.hypotheses`.

A hypothesis is asked of every condition on its own. A number says yes or no where its 95% interval
lies on one side, and two numbers where their intervals do not overlap; elsewhere the question is
open. That is stricter than an interval of the difference would be, and nothing is corrected for the
number of conditions: a single yes or no among many open ones means little.
"""

import argparse
import csv
import enum
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from examples.lstm_agreement.console.text import Table, as_markdown, show, write_text
from examples.lstm_agreement.errors import StudyError
from examples.lstm_agreement.tables.measure import Role
from pathflow.metrics import Interval

_RESULTS = Path(__file__).with_name("results")
_TABLES = ("table1", "table2", "accuracy")


class Verdict(enum.Enum):
    """What one condition says of a hypothesis."""

    YES = "yes"
    NO = "no"
    OPEN = "open"


@dataclass(frozen=True)
class Tables:
    """The numbers of a run.

    Arguments:
        rows: the trained model's lines of Table 1, by noun, task and condition.
        compressed: accuracies of Table 2, by task, condition and scheme.
        gates: how many gates the subject's primary path has, by task.
    """

    rows: Mapping[tuple[Role, str, str], Mapping[str, str]]
    compressed: Mapping[tuple[str, str, str], Interval]
    gates: Mapping[str, int]

    @classmethod
    def read(cls, folder: Path) -> "Tables":
        """Reads `table1.csv`, `table2.csv` and `accuracy.csv`.

        Raises:
            StudyError: one of them is missing, or no table of the study.
        """
        try:
            return cls.of_lines(*(read_csv(folder / f"{name}.csv") for name in _TABLES))
        except (OSError, KeyError, ValueError) as error:
            raise StudyError(
                f"{folder} does not hold the tables of a run of the study ({error!r}); give the "
                "folder that `python -m examples.lstm_agreement` wrote."
            ) from error

    @classmethod
    def of_lines(
        cls,
        table1: Sequence[Mapping[str, str]],
        table2: Sequence[Mapping[str, str]],
        accuracy: Sequence[Mapping[str, str]],
    ) -> "Tables":
        """From the lines of the three files.

        Raises:
            KeyError, ValueError: they are no lines of these files.
        """
        rows = {
            (Role(r["role"]), r["task"], r["condition"]): r
            for r in table1
            if r["model"] == "trained"
        }
        sizes = {(r["task"], r["C"]): int(r["sentences"]) for r in accuracy}
        compressed = {
            (r["task"], r["condition"], r["scheme"]): _of_accuracy(
                _interval(r, "accuracy"), sizes[r["task"], r["condition"]]
            )
            for r in table2
        }
        gates = {r["task"]: int(r["n_kept"]) for r in table2 if r["scheme"] == "Cs"}
        return cls(rows, compressed, gates)

    def of(self, task: str, condition: str) -> "Tables":
        """One condition alone."""
        return Tables(
            {key: row for key, row in self.rows.items() if key[1:] == (task, condition)},
            {key: a for key, a in self.compressed.items() if key[:2] == (task, condition)},
            self.gates,
        )


def read_csv(path: Path) -> list[dict[str, str]]:
    """The lines of a file with a header."""
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


Answers = Iterator[Verdict]


@dataclass(frozen=True)
class Hypothesis:
    """A statement about a model.

    Arguments:
        observation: number of the paper's observation.
        statement: what is claimed, of every condition.
        ask: the verdict of each condition.
    """

    observation: int
    statement: str
    ask: Callable[[Tables], Answers]


def _interval(row: Mapping[str, str], name: str) -> Interval:
    return Interval(*(float(row[name + end]) for end in ("", "_low", "_high")))


def _of_accuracy(estimate: Interval, n: int) -> Interval:
    """An accuracy's interval, no narrower at 0 and 1 than n sentences allow.

    Resampled sentences that are all right are all right again. The rule of three gives what the
    interval hides: with 95%, the fraction of errors is under 3 / n.
    """
    low = min(estimate.low, 1 - 3 / n) if estimate.mean == 1 else estimate.low
    high = max(estimate.high, 3 / n) if estimate.mean == 0 else estimate.high
    return Interval(estimate.mean, low, high)


def _above(one: Interval, other: Interval) -> Verdict:
    """Whether one is larger than another."""
    if one.low > other.high:
        return Verdict.YES
    return Verdict.NO if one.high < other.low else Verdict.OPEN


def _first(role: Role, tasks: Sequence[str]) -> Callable[[Tables], Answers]:
    def ask(tables: Tables) -> Answers:
        for (who, task, _), row in tables.rows.items():
            if who is role and task in tasks:
                rank = _interval(row, "rank")
                yes, no = rank.high == 1, rank.low > 1
                yield Verdict.YES if yes else Verdict.NO if no else Verdict.OPEN

    return ask


def _sign_of_the_noun(tables: Tables) -> Answers:
    zero = Interval(0.0, 0.0, 0.0)
    for (role, _, condition), row in tables.rows.items():
        if role is Role.INTERVENING:
            primary = _interval(row, "primary")
            helpful = condition[0] == condition[1]
            yield _above(primary, zero) if helpful else _above(zero, primary)


def _less_than_the_subject(tables: Tables) -> Answers:
    for (role, task, condition), row in tables.rows.items():
        if role is Role.INTERVENING:
            subject = _interval(tables.rows[Role.SUBJECT, task, condition], "primary")
            # A path that works against the verb has nothing that the noun's could be less than.
            found = _above(subject, _size(_interval(row, "primary")))
            yield found if subject.low > 0 else Verdict.OPEN


def _size(estimate: Interval) -> Interval:
    low, high = sorted((abs(estimate.low), abs(estimate.high)))
    return Interval(abs(estimate.mean), 0.0 if estimate.low < 0 < estimate.high else low, high)


def _needed(tables: Tables) -> Answers:
    for (task, condition, scheme), held in tables.compressed.items():
        if scheme == "all but Cs":
            random = f"all but CR{tables.gates[task]}"
            yield _above(tables.compressed[task, condition, random], held)


def _attractor_misleads(tables: Tables) -> Answers:
    for (task, condition, scheme), without in tables.compressed.items():
        if scheme == "all but Ci" and condition in ("SP", "PS"):
            yield _above(without, tables.compressed[task, condition, "C"])


_WITH_NOUN = ("nounPP", "nounPPAdv")
HYPOTHESES = (
    Hypothesis(
        1,
        "From the subject, the primary path has rank 1",
        _first(Role.SUBJECT, ("Simple", *_WITH_NOUN)),
    ),
    Hypothesis(
        2, "It has with a noun between subject and verb, too", _first(Role.SUBJECT, _WITH_NOUN)
    ),
    Hypothesis(
        3,
        "From the noun between, its primary path has rank 1",
        _first(Role.INTERVENING, _WITH_NOUN),
    ),
    Hypothesis(
        3, "That path is positive for helpful nouns, negative for attractors", _sign_of_the_noun
    ),
    Hypothesis(3, "It has less influence than the subject's", _less_than_the_subject),
    Hypothesis(
        4, "Holding the gates of the subject's path costs more than holding random ones", _needed
    ),
    Hypothesis(4, "Holding the gates of an attractor's path helps", _attractor_misleads),
)


def summary(verdicts: Sequence[Verdict]) -> str:
    """One word for all conditions, and how many say yes, no and neither."""
    counts = [verdicts.count(v) for v in (Verdict.YES, Verdict.NO, Verdict.OPEN)]
    if not verdicts:
        return "not asked"
    if counts[2] > len(verdicts) / 2:
        word = "open"
    elif counts[0] == len(verdicts):
        word = "holds"
    else:
        word = "partly" if counts[0] else "does not hold"
    return f"{word} ({counts[0]}/{counts[1]}/{counts[2]})"


def table(runs: Mapping[str, Tables]) -> Table:
    """Hypotheses by models."""
    lines = [
        (str(h.observation), h.statement, *(summary(list(h.ask(t))) for t in runs.values()))
        for h in HYPOTHESES
    ]
    return ("obs.", "hypothesis", *runs), lines


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the table, and writes it where asked.

    Returns:
        0, or 1 after an input that cannot be used.
    """
    parser = argparse.ArgumentParser(
        prog="python -m examples.lstm_agreement.hypotheses",
        description="The paper's observations, asked of the tables of runs of the study.",
    )
    parser.add_argument(
        "folders",
        nargs="*",
        type=Path,
        default=[_RESULTS / "tiny", _RESULTS / "decayed", _RESULTS],
        help="folders of runs (those of the shipped models)",
    )
    parser.add_argument("--out", type=Path, help="Markdown file to write")
    options = parser.parse_args(arguments)
    try:
        names = [_name(folder.resolve()) for folder in options.folders]
        if len(set(names)) < len(names):
            raise StudyError(f"two folders have one name among {', '.join(names)}; rename one.")
        read = map(Tables.read, options.folders)
        found = table(dict(zip(names, read, strict=True)))
        if options.out is not None:
            write_text(options.out, as_markdown(found) + "\n")
    except (StudyError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    show("Conditions that say yes/no/neither", found)
    return 0


def _name(folder: Path) -> str:
    return "english" if folder == _RESULTS.resolve() else folder.name


if __name__ == "__main__":
    sys.exit(main())
