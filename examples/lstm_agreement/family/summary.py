"""What the tables of many models say together: verdicts counted, and spreads over seeds."""

import statistics
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from examples.lstm_agreement.errors import StudyError
from examples.lstm_agreement.family.languages import LANGUAGES
from examples.lstm_agreement.family.measuring import FILES, of_all_models
from examples.lstm_agreement.family.members import KINDS, Member
from examples.lstm_agreement.hypotheses import (
    HYPOTHESES,
    Hypothesis,
    Tables,
    Verdict,
    read_csv,
    summary,
    verdicts,
)

Line = Mapping[str, str]
# How a summary of a hypothesis in one model begins, in the order in which they are counted.
_WORDS = ("holds", "partly", "does not hold", "open")


@dataclass(frozen=True)
class Measured:
    """The tables of one model.

    Arguments:
        member: which model.
        tables: what hypotheses ask.
        lines: every line of every file, by the name of the file.
    """

    member: Member
    tables: Tables
    lines: Mapping[str, Sequence[Line]]

    @classmethod
    def of_lines(cls, member: Member, lines: Mapping[str, Sequence[Line]]) -> "Measured":
        """From the lines of the files that `measuring.measure` wrote.

        Raises:
            StudyError: they are no lines of these files.
        """
        asked = (lines[f"{name}.csv"] for name in ("table1", "differences"))
        try:
            return cls(member, Tables.of_lines(*asked), lines)
        except (KeyError, ValueError) as error:
            raise StudyError(
                f"the tables of {member.name} are none of this study ({error!r}); remove them, and "
                "they are made again."
            ) from error

    @classmethod
    def read(cls, member: Member, folder: Path) -> "Measured":
        """Reads the folder that `measuring.measure` wrote.

        Raises:
            StudyError: the files are no tables of the study.
        """
        return cls.of_lines(member, {name: read_csv(folder / name) for name in FILES})

    def rows(self, model: str = "trained") -> Iterator[Line]:
        """The lines of Table 1, of the trained model or of the same before its training."""
        return (line for line in self.lines["table1.csv"] if line["model"] == model)

    @property
    def lowest_accuracy(self) -> float:
        """The accuracy of the worst condition of all tasks."""
        return min(float(line["accuracy"]) for line in self.lines["accuracy.csv"])


def read_all(folder: Path) -> list[Measured]:
    """All models of the files that hold every line of every model, as a run leaves them.

    Raises:
        StudyError: the files are no tables of the study.
    """
    found: dict[Member, dict[str, list[Line]]] = {}
    for name in FILES:
        for line in read_csv(folder / of_all_models(name)):
            *language, kind, units = line["group"].split("-")
            language = LANGUAGES["-".join(language)]
            member = Member(KINDS[kind], int(units), int(line["seed"]), language)
            found.setdefault(member, {}).setdefault(name, []).append(line)
    return [Measured.of_lines(member, lines) for member, lines in found.items()]


@dataclass(frozen=True)
class Spread:
    """A number over models of one kind and size."""

    median: float
    low: float
    high: float

    @classmethod
    def over(cls, values: Iterable[float]) -> "Spread":
        """Of some numbers, at least one."""
        found = list(values)
        return cls(statistics.median(found), min(found), max(found))

    def __str__(self) -> str:
        # What rounds to zero has no sign.
        median, low, high = (round(v, 2) + 0.0 for v in (self.median, self.low, self.high))
        return f"{median:.2f} [{low:.2f}, {high:.2f}]"


@dataclass(frozen=True)
class Answer:
    """What one model says of a hypothesis in one condition."""

    member: Member
    hypothesis: Hypothesis
    task: str
    condition: str
    verdict: Verdict


def groups(family: Sequence[Measured]) -> dict[str, list[Measured]]:
    """Models that differ in nothing but their seed, by the name of the group, the small first."""
    found: dict[str, list[Measured]] = {}
    kinds = list(KINDS)
    for one in sorted(family, key=lambda m: (kinds.index(m.member.kind.name), m.member.units)):
        found.setdefault(one.member.group, []).append(one)
    return found


def answers(family: Sequence[Measured]) -> list[Answer]:
    """Every hypothesis, asked of every condition of every model that it is about."""
    found = []
    for one in family:
        asked = dict.fromkeys(key[1:] for key in one.tables.rows)
        for hypothesis in HYPOTHESES:
            for task, condition in asked:
                found += [
                    Answer(one.member, hypothesis, task, condition, verdict)
                    for verdict in verdicts(list(hypothesis.ask(one.tables.of(task, condition))))
                ]
    return found


def models_that_say(hypothesis: Hypothesis, family: Sequence[Measured]) -> Counter[str]:
    """How many models a hypothesis holds in, partly or not, or is open in."""
    words = (summary(list(hypothesis.ask(one.tables))) for one in family)
    return Counter(next(w for w in _WORDS if word.startswith(w)) for word in words)


def in_short(counts: Counter[str]) -> str:
    """As in "3 partly, 1 open"."""
    return ", ".join(f"{counts[word]} {word}" for word in _WORDS if counts[word])


def what_it_is(counts: Counter[str]) -> str:
    """Whether a statement is one about the models or about one training."""
    n = sum(counts.values())
    if counts["holds"] == n:
        return "of all"
    if counts["does not hold"] == n:
        return "of none"
    if len([word for word in _WORDS if counts[word]]) == 1:
        return f"all {next(iter(counts))}"
    return "differs by training"


def spread(family: Sequence[Measured], key: Sequence[str], name: str, **chosen: str) -> Spread:
    """A number of Table 1 over models.

    Arguments:
        family: the models.
        key: role, task and condition of the line.
        name: of the number.
        chosen: `model="untrained"` for the models before their training.
    """
    names = ("role", "task", "condition")
    return Spread.over(
        float(line[name])
        for one in family
        for line in one.rows(**chosen)
        if [line[n] for n in names] == list(key)
    )


def conditions(family: Sequence[Measured]) -> list[tuple[str, str, str]]:
    """Role, task and condition of every line of Table 1."""
    lines = (line for one in family for line in one.rows())
    return list(dict.fromkeys((r["role"], r["task"], r["condition"]) for r in lines))
