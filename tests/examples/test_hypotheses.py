"""Observations as hypotheses: verdicts of made-up tables, and of the shipped ones."""

import csv
from pathlib import Path

import pytest

from examples.lstm_agreement import hypotheses
from examples.lstm_agreement.errors import StudyError
from examples.lstm_agreement.hypotheses import HYPOTHESES, Tables, Verdict, main, summary, table
from examples.lstm_agreement.tables.measure import Role
from pathflow.metrics import Interval

YES, NO, OPEN = Verdict.YES, Verdict.NO, Verdict.OPEN
ASKED = {h.statement: h.ask for h in HYPOTHESES}


def line(**numbers):
    return {
        name + end: str(value)
        for name, estimate in numbers.items()
        for end, value in zip(("", "_low", "_high"), estimate, strict=True)
    }


def answers(beginning, rows=(), compressed=()):
    (ask,) = [a for statement, a in ASKED.items() if statement.startswith(beginning)]
    return list(ask(Tables(dict(rows), dict(compressed), {"nounPP": 2})))


@pytest.mark.parametrize(
    ("rank", "verdict"), [((1, 1, 1), YES), ((1, 1, 2), OPEN), ((3, 2, 9), NO)]
)
def test_rank_1(rank, verdict):
    rows = {(Role.SUBJECT, "Simple", "S"): line(rank=rank)}
    assert answers("From the subject", rows) == [verdict]
    assert answers("It has with a noun", rows) == []
    assert answers("From the noun between", rows) == []
    rows = {(Role.INTERVENING, "nounPP", "SP"): line(rank=rank)}
    assert answers("From the noun between", rows) == [verdict]


def test_signs_and_sizes():
    rows = {
        (Role.SUBJECT, "nounPP", "SS"): line(primary=(2, 1.5, 2.5)),
        (Role.SUBJECT, "nounPP", "SP"): line(primary=(2, 1.5, 2.5)),
        (Role.SUBJECT, "nounPP", "PS"): line(primary=(-2, -2.5, -1.5)),
        (Role.INTERVENING, "nounPP", "SS"): line(primary=(1, 0.5, 1.2)),
        (Role.INTERVENING, "nounPP", "SP"): line(primary=(1, -0.5, 1.6)),
        (Role.INTERVENING, "nounPP", "PS"): line(primary=(-3, -4, -2.6)),
    }
    assert answers("That path is positive", rows) == [YES, OPEN, YES]
    # By size: under the subject's, overlapping with it, and none to be under.
    assert answers("It has less influence", rows) == [YES, OPEN, OPEN]
    rows[Role.INTERVENING, "nounPP", "SS"] = line(primary=(-3, -4, -2.6))
    assert answers("It has less influence", rows) == [NO, OPEN, OPEN]


def test_gates():
    def of(**schemes):
        return {
            ("nounPP", c, s): Interval(*v)
            for s, v in schemes.items()
            for c in ("SS", "SP", "PS", "PP")
        }

    held = of(**{"all but Cs": (0.5, 0.4, 0.6), "all but CR2": (0.8, 0.7, 0.9)})
    assert answers("Holding the gates of the subject", (), held) == [YES] * 4
    held = of(**{"all but Ci": (0.5, 0.4, 0.6), "C": (0.8, 0.7, 0.9)})
    assert answers("Holding the gates of an attractor", (), held) == [NO] * 2


@pytest.mark.parametrize(
    ("verdicts", "text"),
    [
        ([YES, YES], "holds (2/0/0)"),
        ([YES, NO, OPEN], "partly (1/1/1)"),
        ([NO, OPEN], "does not hold (0/1/1)"),
        ([YES, OPEN, OPEN], "open (1/0/2)"),
        ([OPEN], "open (0/0/1)"),
        ([], "not asked"),
    ],
)
def test_one_word(verdicts, text):
    assert summary(verdicts) == text


def test_the_shipped_tables(tmp_path, capsys):
    out = tmp_path / "h.md"
    assert main(["--out", str(out)]) == 0
    assert "tiny" in capsys.readouterr().out
    readme = Path(hypotheses.__file__).with_name("README.md").read_text()
    lines = [[cell.strip() for cell in x.split("|")[1:-1]] for x in out.read_text().splitlines()]
    assert len(lines) == 2 + len(HYPOTHESES)
    for cells in lines[2:]:
        assert f"| {' | '.join(cells)} |" in readme
    # Three conditions of the grammar's model have the paper's path first, and none of the others.
    assert lines[2][2:] == ["partly (3/6/1)", "does not hold (0/10/0)", "does not hold (0/10/0)"]


def test_all_right_is_not_certain():
    right, wrong = Interval(1.0, 1.0, 1.0), Interval(0.0, 0.0, 0.0)
    assert hypotheses._of_accuracy(right, 200) == Interval(1.0, 0.985, 1.0)
    assert hypotheses._of_accuracy(wrong, 200) == Interval(0.0, 0.0, 0.015)
    assert hypotheses._of_accuracy(Interval(0.5, 0.4, 0.6), 200) == Interval(0.5, 0.4, 0.6)


def test_a_folder_without_tables(tmp_path, capsys):
    assert main([str(tmp_path)]) == 1
    assert "does not hold the tables of a run" in capsys.readouterr().err
    assert main([str(tmp_path), str(tmp_path)]) == 1
    assert "two folders have one name" in capsys.readouterr().err
    assert main(["--out", str(tmp_path / "missing" / "x.md")]) == 1
    assert "error: " in capsys.readouterr().err
    with (tmp_path / "table1.csv").open("w") as file:
        csv.writer(file).writerows([["model", "role"], ["trained", "verb"]])
    with pytest.raises(StudyError, match="does not hold the tables"):
        Tables.read(tmp_path)
    assert table({})[0] == ("obs.", "hypothesis")
