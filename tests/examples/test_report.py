"""Tables as text: every number in its cell, files whole."""

import csv
import dataclasses

import pytest

from examples.lstm_agreement.console import columns, text
from examples.lstm_agreement.language_models.evaluation import Accuracy
from examples.lstm_agreement.tables import neurons_report, paper, report, table2_report
from examples.lstm_agreement.tables.measure import Role
from examples.lstm_agreement.tables.neurons import Ablated, Neuron
from examples.lstm_agreement.tables.paired import Difference
from examples.lstm_agreement.tables.table1 import Row
from examples.lstm_agreement.tables.table2 import PUBLISHED, Compressed, Scheme
from pathflow.metrics import Interval


def row(**changes):
    values = {
        "model": "trained",
        "role": Role.INTERVENING,
        "task": "nounPP",
        "condition": "SP",
        "n_sentences": 32,
        "n_paths": 16,
        "sign": -1,
        "p_plus": Interval(0.25, 0.1, 0.4),
        "total": Interval(-1.5, -2.0, -1.0),
        "primary": Interval(-0.75, -1.0, -0.5),
        "primary_p": 0.002,
        "share": Interval(0.625, 0.5, 0.75),
        "t": Interval(0.125, 0.1, 0.2),
        "rank": Interval(1, 1.0, 3.0),
        "first": 0.75,
        "magnitude": Interval(0.5, 0.4, 0.6),
        "largest": "x@4 o0@4 h0@4 o1@4 h1@4 qoi",
        "largest_share": Interval(0.75, 0.7, 0.8),
        "structural": 2e-7,
        "quadrature": 0.023,
    }
    return Row(**(values | changes))


UNTRAINED = [
    row(model=f"untrained {i}", magnitude=Interval(m, 0.1, 1.0), structural=5e-7, quadrature=9.0)
    for i, m in enumerate((0.5, 0.75, 0.85))
]


def cells(table):
    header, lines = table
    assert all(len(line) == len(header) for line in lines)
    return [dict(zip(header, line, strict=True)) for line in lines]


def test_a_line_of_the_table():
    header, (line,) = report.path_table([row(), *UNTRAINED], Role.INTERVENING)
    published = paper.INTERVENING["nounPP", "SP"]
    assert line == (
        "nounPP",
        "SP",
        "0.25",
        f"{published.p_plus:.2f}",
        "16",
        "0.62 [0.50, 0.75] (-)",
        f"{published.share:.2f}",
        "0.38",
        "0.12 [0.10, 0.20]",
        f"{published.t:.2f}",
        "1 [1, 3]",
        "0.50 [0.40, 0.60]",
        "0.70 [0.50, 0.85]",
    )
    assert len(header) == len(line)
    assert report.path_table([row(), *UNTRAINED], Role.SUBJECT)[1] == []


def test_without_the_untrained_model():
    (found,) = cells(report.path_table([row()], Role.INTERVENING))
    assert found["untrained"] == "-"
    (found,) = cells(report.short_path_table([row()], Role.INTERVENING))
    assert found["magnitude"] == "0.50/-"


def test_the_terminal_table_is_narrow(capsys):
    rows = [
        row(role=Role.SUBJECT, task="nounPPAdv", n_paths=41561, rank=Interval(41561, 1.0, 41561.0))
    ]
    text.show("From the subject", report.short_path_table(rows, Role.SUBJECT))
    out = capsys.readouterr().out
    assert "nounPPAdv" in out
    assert "41561" in out
    assert "0.62/0.07" in out
    assert "…" not in out
    assert max(map(len, out.splitlines())) <= 80


def test_without_rich(capsys, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    text.show("Accuracy", report.accuracy_table([Accuracy("Simple", "S", 200, 150)]))
    assert "| Simple | S |       200 |    0.750 |           1.000 |" in capsys.readouterr().out


def test_a_table_that_is_too_wide_is_not_cut(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    header = tuple(f"column {i}" for i in range(12))
    text.show("Wide", (header, [tuple(f"cell number {i}" for i in range(12))]))
    out = capsys.readouterr().out
    assert all(f"cell number {i}" in out for i in range(12))


def test_markdown_is_a_table_for_every_part():
    rows = [row(), row(role=Role.SUBJECT, sign=1, n_paths=6946), *UNTRAINED]
    accuracies = [Accuracy("Adv", "P", 10, 9)]
    whole = report.markdown(rows, ["## More", ""], accuracies, {"model": "one"})
    lines = [x for x in whole.splitlines() if x.startswith("| ")]
    # A bar inside a cell is escaped, so that every line of a table has as many cells as its rule.
    widths = [len(x.replace("\\|", "").split("|")) for x in lines]
    assert widths == [15] * 6 + [7] * 4 + [7] * 3
    assert "- model: one" in whole
    assert whole.count("x@4 o0@4 h0@4 o1@4 h1@4 qoi") == 2
    assert "6946" in whole
    assert "## More" in whole


def compressed():
    return [
        Compressed("nounPP", c, s, 4, Interval(a, a, a), Interval(1.5, 1.0, 2.0))
        for s, a in ((PUBLISHED[2], 0.75), (Scheme("R2", True), 0.5))
        for c in ("SS", "SP")
    ]


def test_table_2_stands_beside_the_published_numbers(tmp_path):
    one, two = cells(table2_report.compression_table(compressed(), "nounPP"))
    assert one == {
        "gates": "all but Ci",
        "kept": "4",
        "SS": "0.75/0.95",
        "SP": "0.75/0.94",
        "mean": "0.75/0.93",
    }
    assert (two["gates"], two["SS"], two["mean"]) == ("all but CR2", "0.50", "0.50")
    assert table2_report.compression_table(compressed(), "Simple")[1] == []
    assert table2_report.section([]) == []
    assert "0.75/0.95" in "".join(table2_report.section(compressed()))
    text.write_csv(tmp_path / "t.csv", *table2_report.table2_csv(compressed()))
    first, *_, last = csv.DictReader((tmp_path / "t.csv").read_text().splitlines())
    assert (first["paper_accuracy"], last["paper_accuracy"]) == ("0.95", "")
    assert (first["margin_low"], first["accuracy"], first["n_kept"]) == ("1", "0.75", "4")


def test_neurons_and_ablations():
    found = Neuron(
        Role.SUBJECT,
        "Simple",
        "S",
        24,
        8,
        Interval(1.0, 0.9, 1.0),
        Interval(-0.25, -0.5, 0.0),
        Interval(0.5, 0.25, 0.75),
        1e-7,
    )
    held = Ablated("Simple", "S", "24 and 3", Interval(0.5, 0.25, 0.75), Interval(0.5, 0.0, 1.0))
    (line,) = cells(neurons_report.neuron_table([found]))
    assert (line["unit"], line["t"], line["logits"]) == ("24", "1.00 [0.90, 1.00]", "-0.25")
    assert line["paper"] == "0.99, 1.00"
    (line,) = cells(neurons_report.neuron_table([dataclasses.replace(found, task="Adv")]))
    assert line["paper"] == "-, -"
    (line,) = cells(neurons_report.ablation_table([held]))
    assert (line["held at zero"], line["score difference"]) == ("24 and 3", "+0.50")
    names, (line,) = neurons_report.neurons_csv([found])
    assert dict(zip(names, line, strict=True))["share_low"] == "0.25"
    assert dict(zip(names, line, strict=True))["paper_t_337"] == "1"
    names, (line,) = neurons_report.ablations_csv([held])
    assert dict(zip(names, line, strict=True))["accuracy_high"] == "0.75"
    section = "\n".join(neurons_report.section([found], [held]))
    assert "| Simple | S | subject |" in section
    assert "24 and 3" in section


def test_csv_holds_every_number(tmp_path):
    rows = [row(), *UNTRAINED]
    file = tmp_path / "table1.csv"
    text.write_csv(file, *report.table1_csv(rows))
    first, second, *_ = csv.DictReader(file.read_text().splitlines())
    assert first["role"] == "intervening noun"
    assert (float(first["share"]), float(first["share_low"]), float(first["share_high"])) == (
        0.625,
        0.5,
        0.75,
    )
    assert float(first["paper_t"]) == paper.INTERVENING["nounPP", "SP"].t
    assert second["model"] == "untrained 0"
    assert {f.name for f in dataclasses.fields(Row)} <= set(first)
    assert list(tmp_path.iterdir()) == [file]


def test_tasks_that_the_paper_has_no_rows_of(tmp_path):
    adv = row(role=Role.SUBJECT, task="Adv", condition="S")
    (found,) = cells(report.short_path_table([adv], Role.SUBJECT))
    assert (found["P+"], found["share"], found["t"]) == ("0.25/-", "0.62/-", "0.12/-")
    header, (line,) = report.path_table([adv], Role.SUBJECT)
    assert [c for name, c in zip(header, line, strict=True) if name == "paper"] == ["-"] * 3
    text.write_csv(tmp_path / "t.csv", *report.table1_csv([adv, row()]))
    first, second = csv.DictReader((tmp_path / "t.csv").read_text().splitlines())
    assert (first["paper_t"], second["paper_t"]) == ("", "0.23")


def test_one_order_of_columns(tmp_path):
    tables = [
        report.table1_csv([row()]),
        report.accuracy_csv([Accuracy("Adv", "P", 10, 9)]),
        table2_report.table2_csv(compressed()),
        report.differences_csv([DIFFERENCE]),
    ]
    for names, lines in tables:
        assert names.index("task") + 1 == names.index("condition")
        assert names.index("task") == ("model" in names)
        counts = [i for i, name in enumerate(names) if name.startswith("n_")]
        intervals = [i for i, name in enumerate(names) if name.endswith("_low")]
        assert max(counts) < min([*intervals, len(names)])
        for i in intervals:
            stem = names[i].removesuffix("_low")
            assert names[i - 1 : i + 2] == [stem, f"{stem}_low", f"{stem}_high"]
        assert all(len(line) == len(names) for line in lines)
    assert columns.csv_table([]) == ([], [])


DIFFERENCE = Difference("nounPP", "SP", "one - other", 20, Interval(0.25, 0.125, 0.5), 0.02)


def test_differences_stand_beside_their_correction():
    other = dataclasses.replace(DIFFERENCE, condition="PS", p=0.5)
    elsewhere = dataclasses.replace(DIFFERENCE, what="a - b")
    lines = cells(report.difference_table([DIFFERENCE, other, elsewhere]))
    assert [x["Holm"] for x in lines] == ["0.040", "0.500", "0.020"]
    assert lines[0]["mean"] == "+0.250 [+0.125, +0.500]"
    assert report.difference_section([]) == []
    assert "one - other" in "".join(report.difference_section([DIFFERENCE]))


def test_the_audit_is_the_worst():
    facts = report.audit_facts([row(), row(quadrature=0.031), *UNTRAINED])
    assert facts["structural residual"].startswith("5.0e-07 at worst")
    # That of the untrained model is relative to a change near zero, and says nothing.
    assert facts["quadrature residual"].startswith("3.1% at worst")
    assert report.audit_facts([]) == {}


@pytest.mark.parametrize("value", [1, 12])
def test_a_rank_without_spread(value):
    (found,) = cells(
        report.path_table([row(rank=Interval(value, float(value), float(value)))], Role.INTERVENING)
    )
    assert found["rank"] == str(round(value))
