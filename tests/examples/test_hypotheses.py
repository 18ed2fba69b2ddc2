"""Observations as hypotheses: verdicts of made-up tables, and of the shipped ones."""

import csv
from pathlib import Path

import pytest

from examples.lstm_agreement import hypotheses
from examples.lstm_agreement.errors import StudyError
from examples.lstm_agreement.hypotheses import (
    HYPOTHESES,
    Evidence,
    Tables,
    Verdict,
    main,
    summary,
    table,
    verdicts,
)
from examples.lstm_agreement.tables.measure import Role
from examples.lstm_agreement.tables.paired import SUBJECT_OVER_NOUN, TRAINED_OVER_UNTRAINED

YES, NO, OPEN = Verdict.YES, Verdict.NO, Verdict.OPEN
ASKED = {h.statement: h.ask for h in HYPOTHESES}


def answers(beginning, rows=(), differences=()):
    (ask,) = [a for statement, a in ASKED.items() if statement.startswith(beginning)]
    return verdicts(list(ask(Tables(dict(rows), dict(differences)))))


@pytest.mark.parametrize(
    ("first", "verdict"), [("1", YES), ("0.98", YES), ("0.9", OPEN), ("0.1", OPEN), ("0", NO)]
)
def test_rank_1(first, verdict):
    rows = {(Role.SUBJECT, "Simple", "S"): {"first": first}}
    assert answers("From the subject", rows) == [verdict]
    assert answers("It has with a noun", rows) == []
    assert answers("From the noun between", rows) == []
    rows = {(Role.INTERVENING, "nounPP", "SP"): {"first": first}}
    assert answers("From the noun between", rows) == [verdict]


def test_signs():
    numbers = [("SS", 1, 0.01), ("SP", 1, 0.01), ("PS", -3, 0.01), ("PP", 1, 0.2)]
    rows = {
        (Role.INTERVENING, "nounPP", c): {"primary": str(v), "primary_p": str(p)}
        for c, v, p in numbers
    }
    rows[Role.SUBJECT, "nounPP", "SS"] = {"primary": "-1", "primary_p": "0.01"}
    assert answers("That path is positive", rows) == [YES, NO, YES, OPEN]


def between(what, *numbers):
    return {
        (what, "nounPP", c): {"difference": str(d), "p": str(p)}
        for c, (d, p) in zip(("SS", "SP", "PS", "PP"), numbers, strict=False)
    }


def test_sizes():
    rows = {
        (Role.SUBJECT, "nounPP", c): {"primary_low": low}
        for c, low in (("SS", "1.5"), ("SP", "1.5"), ("PS", "-2.5"), ("PP", "0.1"))
    }
    found = between(SUBJECT_OVER_NOUN, (1, 0.01), (-1, 0.01), (1, 0.01), (1, 0.4))
    # A subject's path that works against the verb has nothing that the noun's could be less than.
    assert answers("It has less influence", rows, found) == [YES, NO, OPEN, OPEN]


def test_one_condition_alone():
    rows = {(Role.SUBJECT, "nounPP", c): {"first": f} for c, f in (("SS", "1"), ("SP", "0"))}
    found = between("accuracy all but Ci - C", (1, 0.01), (1, 0.01))
    alone = Tables(rows, found).of("nounPP", "SP")
    assert list(alone.rows) == [(Role.SUBJECT, "nounPP", "SP")]
    assert list(alone.differences) == [("accuracy all but Ci - C", "nounPP", "SP")]


def test_gates_and_training():
    four = (0.3, 0.01), (-0.3, 0.01), (0.0, 1.0), (0.3, 0.01)
    found = between("accuracy all but CR2 - all but Cs", *four)
    found |= between("accuracy all but Ci - C", *four)
    found |= between("accuracy C - all but CFsi", *four[:2])
    found |= between(TRAINED_OVER_UNTRAINED, *four[:1])
    assert answers("Holding the gates of the subject", (), found) == [YES, NO, OPEN, YES]
    # Against as many random gates as there are on the primary path, however many those are.
    four_gates = between("accuracy all but CR4 - all but Cs", (0.3, 0.01))
    four_gates |= between("accuracy all but CR4 - all but Csi", (-0.3, 0.01))
    assert answers("Holding the gates of the subject", (), four_gates) == [YES]
    assert answers("Holding the gates of an attractor", (), found) == [NO, OPEN]
    assert answers("Holding the gates of the paths of rank 1", (), found) == [YES, NO]
    assert answers("The subject's primary path has more", (), found) == [YES]


@pytest.mark.parametrize(
    ("evidence", "text"),
    [
        ([(True, 0.01), (True, 0.02)], "holds (2/0/0), uncorrected 2/0/0"),
        ([(True, 0.03), (True, 0.04)], "open (0/0/2), uncorrected 2/0/0"),
        ([(True, 0.01), (False, 0.04), (True, 0.9)], "open (1/0/2), uncorrected 1/1/1"),
        ([(False, 0.001), (True, 0.5)], "does not hold (0/1/1), uncorrected 0/1/1"),
        ([(True, 0.01), (True, 0.5), (True, 0.5)], "open (1/0/2), uncorrected 1/0/2"),
        ([(True, 0.001), (False, 0.002)], "partly (1/1/0), uncorrected 1/1/0"),
        ([(True, 0.05)], "open (0/0/1), uncorrected 0/0/1"),
        ([], "not asked"),
    ],
)
def test_one_word(evidence, text):
    assert summary([Evidence(*e) for e in evidence]) == text


def test_the_shipped_tables(tmp_path, capsys):
    out = tmp_path / "h.md"
    assert main(["--out", str(out)]) == 0
    assert "tiny" in capsys.readouterr().out
    readme = Path(hypotheses.__file__).with_name("README.md").read_text()
    lines = [[cell.strip() for cell in x.split("|")[1:-1]] for x in out.read_text().splitlines()]
    assert len(lines) == 2 + len(HYPOTHESES)
    for cells in lines[2:]:
        assert f"| {' | '.join(cells)} |" in readme
    # Only the grammar's model has the paper's path first, and not in all conditions.
    assert [x.split(" (")[0] for x in lines[2][2:]] == ["partly", "does not hold", "does not hold"]


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
