"""The published numbers, against the machine-readable copies where those are present."""

import csv
from pathlib import Path

import pytest

from examples.lstm_agreement import paper
from examples.lstm_agreement.table1 import QUESTIONS
from examples.lstm_agreement.tasks import TASKS

DATA = Path(__file__).parents[3] / "shared" / "data"
needs_data = pytest.mark.skipif(
    not DATA.is_dir(), reason="the published files are not part of the project"
)


def rows(name):
    with (DATA / name).open() as file:
        return list(csv.DictReader(file, delimiter="\t"))


def test_every_row_of_the_table_and_every_task_has_published_numbers():
    for task, role in QUESTIONS:
        published = paper.SUBJECT if role.value == "subject" else paper.INTERVENING
        assert {c for t, c in published if t == task.name} == set(task.conditions)
    assert set(paper.ACCURACY) == {(t.name, c) for t in TASKS for c in t.conditions}


@needs_data
def test_table_1():
    found = rows("lu2020_reference/table1_paths.tsv")
    assert len(found) == len(paper.SUBJECT)
    for row in found:
        key = row["task"], row["condition"]
        columns = ("subj_Pplus", "subj_npaths", "subj_primary_share", "subj_primary_t")
        assert paper.SUBJECT[key] == paper.PathNumbers(*(float(row[c]) for c in columns))
        if key[0] != "Simple":
            columns = ("int_Pplus", "int_npaths", "int_primary_share", "int_primary_t")
            assert paper.INTERVENING[key] == paper.PathNumbers(*(float(row[c]) for c in columns))
            assert row["int_share_sign"] == ("+" if key[1] in ("SS", "PP") else "-")


@needs_data
def test_accuracy():
    found = {
        (row["na_task"], row["condition"]): float(row["full"]) / 100
        for row in rows("lakretz_reference/table2_lakretz2019.tsv")
    }
    assert {key: pytest.approx(found[key]) for key in paper.ACCURACY} == paper.ACCURACY
