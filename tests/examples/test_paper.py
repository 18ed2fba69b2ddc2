"""The published numbers, against the machine-readable copies where those are present."""

import csv
from pathlib import Path

import pytest

from examples.lstm_agreement.sentences.tasks import TASKS
from examples.lstm_agreement.tables import paper
from examples.lstm_agreement.tables.measure import Role
from examples.lstm_agreement.tables.table1 import QUESTIONS

pytestmark = pytest.mark.one_python

DATA = Path(__file__).parents[3] / "shared" / "data"
needs_data = pytest.mark.skipif(
    not DATA.is_dir(), reason="the published files are not part of the project"
)


def rows(name):
    with (DATA / name).open() as file:
        return list(csv.DictReader(file, delimiter="\t"))


def test_every_row_of_the_table_and_every_task_has_published_numbers():
    for task, role in QUESTIONS:
        published = paper.SUBJECT if role is Role.SUBJECT else paper.INTERVENING
        # The paper has no rows of these two.
        conditions = () if task.name in ("Adv", "namePP") else task.conditions
        assert {c for t, c in published if t == task.name} == set(conditions)
        assert {c for r, t, c in paper.NEURONS if (r, t) == (role, task.name)} == set(conditions)
    assert set(paper.ACCURACY) == {(t.name, c) for t in TASKS for c in t.conditions}


@needs_data
def test_table_1():
    found = rows("lu2020_reference/table1_paths.tsv")
    assert len(found) == len(paper.SUBJECT)
    for row in found:
        key = row["task"], row["condition"]
        columns = ("subj_Pplus", "subj_npaths", "subj_primary_share", "subj_primary_t")
        assert paper.SUBJECT[key] == paper.PathNumbers(*(float(row[c]) for c in columns))
        numbers = tuple(float(row[c]) for c in ("subj_t125", "subj_t337"))
        assert paper.NEURONS[(Role.SUBJECT, *key)] == numbers
        if key[0] != "Simple":
            columns = ("int_Pplus", "int_npaths", "int_primary_share", "int_primary_t")
            assert paper.INTERVENING[key] == paper.PathNumbers(*(float(row[c]) for c in columns))
            columns = ("int_t125", "int_t337")
            numbers = tuple(float(row[c]) for c in columns)
            assert paper.NEURONS[(Role.INTERVENING, *key)] == numbers
            assert row["int_share_sign"] == ("+" if key[1] in ("SS", "PP") else "-")


@needs_data
def test_table_2():
    columns = ("notC_si", "notC_s", "notC_i", "C_si", "C_s", "C_i", "C")
    read = {
        (row["task"], row["condition"]): tuple(float(row[c]) for c in columns)
        for row in rows("lu2020_reference/table2_compression.tsv")
    }
    assert read == paper.COMPRESSION


@pytest.mark.parametrize("task", ["nounPP", "nounPPAdv"])
def test_the_columns_of_table_2_have_the_means_that_the_paper_prints(task):
    of_conditions = [paper.COMPRESSION[task, c] for c in ("SS", "SP", "PS", "PP")]
    printed = paper.COMPRESSION[task, "mean"]
    for column, mean in zip(zip(*of_conditions, strict=True), printed, strict=True):
        # Some are a hundredth off, as means of rounded numbers may be.
        assert abs(sum(column) / 4 - mean) < 0.0126


@needs_data
def test_accuracy():
    found = {
        (row["na_task"], row["condition"]): float(row["full"]) / 100
        for row in rows("lakretz_reference/table2_lakretz2019.tsv")
    }
    assert {key: pytest.approx(found[key]) for key in paper.ACCURACY} == paper.ACCURACY
