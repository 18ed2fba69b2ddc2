"""Every number in the documents about the study is the shipped tables'."""

import re

import pytest

from examples.lstm_agreement.report import shipped
from examples.lstm_agreement.report.documents import PAGE, ROOT, documents, main
from examples.lstm_agreement.tables.measure import Role

pytestmark = pytest.mark.one_python

MADE = dict(documents())


@pytest.mark.parametrize("file", MADE, ids=lambda f: str(f.relative_to(ROOT)))
def test_a_document_is_what_the_tables_say(file):
    assert file.read_text() == MADE[file]


def test_the_page_has_every_condition_of_every_model():
    text = PAGE.read_text()
    for name, results in shipped.read_all().items():
        assert f"`{name}`" in text
        for r in results.rows(Role.SUBJECT) + results.rows(Role.INTERVENING):
            line = next(
                x
                for x in text.split("## The primary path, from the")[
                    1 if r["role"] == "subject" else 2
                ].splitlines()
                if x.startswith(f"| {r['task']} | {r['condition']} |")
            )
            cells = [c.strip() for c in line.strip("|").split("|")]
            at = 1 + list(shipped.RESULTS).index(name)
            for i, field in enumerate(("p_plus", "share", "t")):
                paper, *mine = cells[3 + 4 * i : 7 + 4 * i]
                assert mine[at - 1] == f"{r[field]:.2f}"
                expected = r[f"paper_{field}"]
                assert paper == ("-" if expected is None else f"{expected:.2f}")
            assert cells[14 + at] == f"{r['rank']:,}"


def test_another_number_would_be_seen(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("examples.lstm_agreement.report.documents.PAGE", tmp_path / "page.md")
    file = shipped.RESULTS["tiny"] / "table1.csv"
    changed = tmp_path / "tiny"
    changed.mkdir()
    for name in shipped.RESULTS["tiny"].glob("*.csv"):
        (changed / name.name).write_bytes(name.read_bytes())
    lines = file.read_text().splitlines()
    at = lines[0].split(",").index("share")
    cells = lines[1].split(",")
    cells[at] = "0.123456"
    (changed / "table1.csv").write_text("\n".join([lines[0], ",".join(cells), *lines[2:]]) + "\n")
    monkeypatch.setitem(shipped.RESULTS, "tiny", changed)
    made = dict(documents())
    assert made[tmp_path / "page.md"] != MADE[PAGE]
    assert "0.12" in made[tmp_path / "page.md"]
    monkeypatch.setitem(shipped.RESULTS, "tiny", tmp_path / "nowhere")
    assert main() == 1
    assert "error: " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("path", "short"),
    [
        (
            "x@1 o0@1 h0@1 g0@2 c0@2 c0@3 c0@4 h0@4 o1@4 h1@4 qoi",
            "x@1 o0 h0 g0@2 c0@2…4 h0 o1 h1 qoi",
        ),
        ("x@1 i0@1 c0@1 c0@2 h0@2 f1@3 c1@3 h1@3 qoi", "x@1 i0 c0@1…2 h0 f1@3 c1 h1 qoi"),
        ("x@4 g0@4 c0@4 h0@4 qoi", "x@4 g0 c0 h0 qoi"),
    ],
)
def test_short_labels(path, short):
    assert shipped.short_label(path) == short
    assert shipped.short_label(path, steps=False) == re.sub(r"@\d+", "", path)
