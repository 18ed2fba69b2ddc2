"""The paper's observations as hypotheses about a model, from the tables of a run: `python -m
examples.lstm_agreement.hypotheses`.

A hypothesis is asked of every condition on its own, by resampling its sentences: of a difference
where two numbers of the same sentences are compared, and of the number itself elsewhere. A
condition says yes or no where its p-value is under 0.05, and leaves the question open elsewhere.
The word that sums the conditions up, and the counts behind it, follow the p-values of a hypothesis
corrected for the number of its conditions (Holm 1979); uncorrected counts stand beside them.
"""

import argparse
import csv
import enum
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from examples.lstm_agreement.console.text import Table, as_markdown, show, write_text
from examples.lstm_agreement.errors import StudyError
from examples.lstm_agreement.tables.bootstrap import N_RESAMPLES, holm, two_sided
from examples.lstm_agreement.tables.measure import Role
from examples.lstm_agreement.tables.paired import (
    SUBJECT_OVER_NOUN,
    TRAINED_OVER_UNTRAINED,
    scheme_pair,
)

_RESULTS = Path(__file__).with_name("results")
_LEVEL = 0.05
_TABLES = ("table1", "differences")
# What must be there, and numbers.
_OF_ROWS = ("first", "primary", "primary_low", "primary_p")
_OF_DIFFERENCES = ("difference", "p")


class Verdict(enum.Enum):
    """What one condition says of a hypothesis."""

    YES = "yes"
    NO = "no"
    OPEN = "open"


@dataclass(frozen=True)
class Evidence:
    """What one condition has to say.

    Arguments:
        favours: whether the number lies on the hypothesis's side.
        p: probability, by resampling, of a number as far from the border if it were there.
    """

    favours: bool
    p: float


def verdicts(evidence: Sequence[Evidence], *, corrected: bool = False) -> list[Verdict]:
    """The verdict of each condition.

    Arguments:
        evidence: of all conditions of one hypothesis.
        corrected: for how many they are.
    """
    p_values = [e.p for e in evidence]
    return [
        Verdict.OPEN if p >= _LEVEL else Verdict.YES if e.favours else Verdict.NO
        for e, p in zip(evidence, holm(p_values) if corrected else p_values, strict=True)
    ]


@dataclass(frozen=True)
class Tables:
    """The numbers of a run.

    Arguments:
        rows: the trained model's lines of Table 1, by noun, task and condition.
        differences: what was compared on the same sentences, by its name, task and condition.
    """

    rows: Mapping[tuple[Role, str, str], Mapping[str, str]]
    differences: Mapping[tuple[str, str, str], Mapping[str, str]]

    @classmethod
    def read(cls, folder: Path) -> "Tables":
        """Reads `table1.csv` and `differences.csv`.

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
        cls, table1: Sequence[Mapping[str, str]], differences: Sequence[Mapping[str, str]]
    ) -> "Tables":
        """From the lines of the two files.

        Raises:
            KeyError, ValueError: they are no lines of these files.
        """
        rows = {
            (Role(r["role"]), r["task"], r["condition"]): r
            for r in table1
            if r["model"] == "trained"
        }
        found = {(r["what"], r["task"], r["condition"]): r for r in differences}
        for lines, names in ((rows, _OF_ROWS), (found, _OF_DIFFERENCES)):
            for line in lines.values():
                _ = [float(line[name]) for name in names]
        return cls(rows, found)

    def of(self, task: str, condition: str) -> "Tables":
        """One condition alone."""
        key = task, condition
        return Tables(
            {k: row for k, row in self.rows.items() if k[1:] == key},
            {k: d for k, d in self.differences.items() if k[1:] == key},
        )


def read_csv(path: Path) -> list[dict[str, str]]:
    """The lines of a file with a header."""
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


Answers = Iterator[Evidence]


@dataclass(frozen=True)
class Hypothesis:
    """A statement about a model.

    Arguments:
        observation: number of the paper's observation, or where else it comes from.
        statement: what is claimed, of every condition.
        ask: what each condition says.
    """

    observation: str
    statement: str
    ask: Callable[[Tables], Answers]


def _first(role: Role, tasks: Sequence[str]) -> Callable[[Tables], Answers]:
    def ask(tables: Tables) -> Answers:
        for (who, task, _), row in tables.rows.items():
            if who is role and task in tasks:
                first = float(row["first"])
                n_first = round(N_RESAMPLES * first)
                yield Evidence(first > 0.5, two_sided(n_first, N_RESAMPLES - n_first))

    return ask


def _sign_of_the_noun(tables: Tables) -> Answers:
    for (role, _, condition), row in tables.rows.items():
        if role is Role.INTERVENING:
            helpful = condition[0] == condition[1]
            yield Evidence((float(row["primary"]) > 0) is helpful, float(row["primary_p"]))


def _less_than_the_subject(tables: Tables) -> Answers:
    for (what, task, condition), row in tables.differences.items():
        if what == SUBJECT_OVER_NOUN:
            # A path that works against the verb has nothing that the noun's could be less than.
            subject = float(tables.rows[Role.SUBJECT, task, condition]["primary_low"])
            yield _positive(row) if subject > 0 else Evidence(False, 1.0)


def _positive(row: Mapping[str, str]) -> Evidence:
    return Evidence(float(row["difference"]) > 0, float(row["p"]))


def _named(what: str) -> re.Pattern[str]:
    return re.compile(re.escape(what))


# As many random gates as the primary path has: two in an LSTM.
_RANDOM_OVER_SUBJECT = re.compile(scheme_pair(r"all but CR\d+", "all but Cs"))


def _greater(
    what: re.Pattern[str], conditions: Sequence[str] | None = None
) -> Callable[[Tables], Answers]:
    """That a difference is positive, in some conditions or in all."""

    def ask(tables: Tables) -> Answers:
        for (name, _, condition), row in tables.differences.items():
            if what.fullmatch(name) and (conditions is None or condition in conditions):
                yield _positive(row)

    return ask


_WITH_NOUN = ("nounPP", "nounPPAdv")
HYPOTHESES = (
    Hypothesis(
        "1",
        "From the subject, the primary path has rank 1",
        _first(Role.SUBJECT, ("Simple", "Adv", "namePP", *_WITH_NOUN)),
    ),
    Hypothesis(
        "2", "It has with a noun between subject and verb, too", _first(Role.SUBJECT, _WITH_NOUN)
    ),
    Hypothesis(
        "3",
        "From the noun between, its primary path has rank 1",
        _first(Role.INTERVENING, _WITH_NOUN),
    ),
    Hypothesis(
        "3", "That path is positive for helpful nouns, negative for attractors", _sign_of_the_noun
    ),
    Hypothesis("3", "It has less influence than the subject's", _less_than_the_subject),
    Hypothesis(
        "4",
        "Holding the gates of the subject's path costs more than holding random ones",
        _greater(_RANDOM_OVER_SUBJECT),
    ),
    Hypothesis(
        "4",
        "Holding the gates of an attractor's path helps",
        _greater(_named(scheme_pair("all but Ci", "C")), ("SP", "PS")),
    ),
    Hypothesis(
        "own",
        "Holding the gates of the paths of rank 1 costs accuracy",
        _greater(_named(scheme_pair("C", "all but CFsi"))),
    ),
    Hypothesis(
        "control",
        "The subject's primary path has more of all influence than without training",
        _greater(_named(TRAINED_OVER_UNTRAINED)),
    ),
)


def summary(evidence: Sequence[Evidence]) -> str:
    """One word for all conditions, and how many say yes, no and neither, corrected for the number
    of conditions (Holm); then the same counts uncorrected, which the word does not follow.
    """
    if not evidence:
        return "not asked"
    plain, corrected = (
        [v.count(kind) for kind in (Verdict.YES, Verdict.NO, Verdict.OPEN)]
        for v in (verdicts(evidence), verdicts(evidence, corrected=True))
    )
    if corrected[2] > len(evidence) / 2:
        word = "open"
    elif corrected[0] == len(evidence):
        word = "holds"
    else:
        word = "partly" if corrected[0] else "does not hold"
    return f"{word} ({_counts(corrected)}), uncorrected {_counts(plain)}"


def _counts(numbers: Sequence[int]) -> str:
    return "/".join(map(str, numbers))


def table(runs: Mapping[str, Tables]) -> Table:
    """Hypotheses by models."""
    lines = [
        (h.observation, h.statement, *(summary(list(h.ask(t))) for t in runs.values()))
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
