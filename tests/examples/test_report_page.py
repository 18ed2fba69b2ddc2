"""The page about one model: everything is on it, and nothing is measured twice."""

import argparse
import csv
import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest

import pathflow as pf
from examples.lstm_agreement.console.command import check, finished, stamp
from examples.lstm_agreement.console.options import ENGLISH, TINY
from examples.lstm_agreement.console.options import folder as folder_of
from examples.lstm_agreement.errors import StudyError
from examples.lstm_agreement.report import __main__ as report
from examples.lstm_agreement.report import contents, page, sections, steps
from examples.lstm_agreement.report.charts import _LEFT, _WIDTH, Dot, dot_chart, legend
from examples.lstm_agreement.report.prose import audit
from examples.lstm_agreement.report.shipped import RESULTS

NONE = ["--without", *(step.section.name for step in steps.STEPS)]


@pytest.fixture
def folder(tmp_path):
    """The shipped results of the small model."""
    shutil.copytree(RESULTS["tiny"], tmp_path / "tiny")
    for name in report.OUTPUTS:
        (tmp_path / "tiny" / name).unlink(missing_ok=True)
    return tmp_path / "tiny"


class Page(HTMLParser):
    """What a page refers to, its tables, and whether every element is closed."""

    VOID = frozenset({"meta", "img", "br", "hr", "line", "circle", "polygon"})

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.references, self.ids, self.text = [], set(), [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.references += [v for k, v in attrs if k in ("src", "href")]
        self.ids += [v for k, v in attrs if k == "id"]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def test_the_page_stands_alone(folder, capsys):
    (folder / "clauses.md").write_text(
        "# Title\n\n## Part\n\n| a | b |\n| --- | --- |\n| 1 | x |\n"
    )
    (folder / "clauses_more.csv").write_text("name,value\nx,0.5\ny,nan\nz,\n")
    assert report.main(["--tiny", "--out", str(folder), *NONE]) == 0
    shown = capsys.readouterr()
    assert "tables: reused" in shown.err
    assert "not there: Other architectures" in shown.err
    text = (folder / "report.html").read_text()
    found = Page(text)
    assert found.open == []
    assert not found.tags & {"script", "link", "iframe", "object"}
    assert "url(" not in text
    assert "@import" not in text
    anchors = [r for r in found.references if r.startswith("#")]
    assert {a[1:] for a in anchors} <= set(found.ids)
    assert len(set(found.ids)) == len(found.ids)
    rest = [r for r in found.references if not r.startswith("#")]
    assert rest
    assert all(r.startswith(("data:image/png;base64,", "data:image/svg+xml;base64,")) for r in rest)
    words = " ".join(found.text)
    for part in ("2 x 64 units", "Across a clause", "python -m examples.lstm_agreement.family"):
        assert part in words
    assert "prefers-color-scheme: dark" in text
    assert "@media print" in text


def test_the_machine_readable_report_has_every_number(folder):
    (folder / "clauses.md").unlink(missing_ok=True)
    assert report.main(["--tiny", "--out", str(folder), *NONE]) == 0
    found = json.loads((folder / "report.json").read_text())
    assert found["schema"] == contents.SCHEMA
    assert (found["model"]["units"], found["model"]["file"]) == (64, "tiny.safetensors")
    there = [s for s in sections.SECTIONS if s.text_in(folder) is not None]
    names = [f for s in there for f in s.tables_in(folder)]
    assert {f.stem for f in names} == set(found["tables"]) >= {"table1", "table2", "differences"}
    for file in names:
        with file.open() as stream:
            lines = list(csv.DictReader(stream))
        assert len(lines) == len(found["tables"][file.stem])
        for line, read in zip(lines, found["tables"][file.stem], strict=True):
            assert list(line) == list(read)
            for name, cell in line.items():
                if isinstance(read[name], int | float):
                    assert type(read[name])(cell) == read[name]
                else:
                    assert read[name] == (None if cell in ("", "nan") else cell)
    assert [h["statement"] for h in found["hypotheses"]] == [h.statement for h in contents.ASKED]
    missing = {s.name for s in sections.SECTIONS if not (folder / s.markdown).exists()}
    assert {m["section"] for m in found["missing"]} == missing >= {"clauses"}
    assert found["steps"]["tables"]["outputs"]


def test_a_second_run_changes_nothing(folder, capsys):
    asked = ["--tiny", "--out", str(folder), *NONE]
    assert report.main(asked) == 0
    first = {f.name: f.read_bytes() for f in folder.iterdir() if f.is_file()}
    assert report.main(asked) == 0
    assert "tables: reused" in capsys.readouterr().err
    assert {f.name: f.read_bytes() for f in folder.iterdir() if f.is_file()} == first
    # Asked otherwise, or damaged, it would have to be measured.
    assert report.main([*asked, "--tables", "--sentences 7"]) == 0
    assert "tables: left out" in capsys.readouterr().err
    (folder / "neurons.csv").write_text("changed\n")
    assert report.main(asked) == 0
    assert "tables: left out" in capsys.readouterr().err


def quick(code=0, calls=None, raises=None):
    """A command that writes one file."""

    def parser():
        out = argparse.ArgumentParser()
        out.add_argument("--sentences", type=int, default=3)
        out.add_argument("--out", type=Path)
        out.add_argument("--tiny", action="store_true")
        return out

    def main(arguments):
        options = parser().parse_args(arguments)
        calls.append(arguments)
        if raises:
            raise raises
        if not code:
            (options.out / "rivals.md").write_text(f"{options.sentences} sentences\n")
            stamp(options.out, "rivals", options, TINY, ["rivals.md"], 1.5)
        return code

    return steps.Step(sections.RIVALS, main, parser)


def test_what_is_missing_is_measured_once(tmp_path):
    calls = []

    def ensure(text="", *, wanted=True, step=None):
        step = step or quick(calls=calls)
        return steps.ensure(step, tmp_path, TINY, ["--tiny"], text, wanted=wanted).how

    assert ensure(wanted=False) == "left out"
    assert ensure() == "run"
    assert calls == [["--tiny", "--out", str(tmp_path)]]
    assert ensure() == ensure("--sentences 3") == ensure(wanted=False) == "reused"
    # More sentences were asked for; and then any number will do.
    assert ensure("--sentences 5") == "run"
    assert ensure() == "reused"
    assert ensure("--sentences 3") == "run"
    assert finished(tmp_path, "rivals", TINY, {})["options"] == {"sentences": 3}
    (tmp_path / "rivals.md").unlink()
    assert ensure() == "run"
    assert len(calls) == 4
    with pytest.raises(steps.StepFailedError) as failed:
        ensure("--sentences 4", step=quick(code=130, calls=calls))
    assert failed.value.code == 130
    with pytest.raises(StudyError, match="is no command line"):
        ensure("--sentences '4")


def test_the_model_is_part_of_what_was_asked(tmp_path):
    quick(calls=[]).main(["--out", str(tmp_path)])
    other = tmp_path / "other.safetensors"
    other.write_bytes(TINY.read_bytes() + b" ")
    assert finished(tmp_path, "rivals", TINY, {})
    assert finished(tmp_path, "rivals", other, {}) is None
    file = tmp_path / "rivals.run.json"
    record = json.loads(file.read_text())
    file.write_text(json.dumps(record | {"versions": {"pathflow": "0"}}))
    assert finished(tmp_path, "rivals", TINY, {}) is None
    file.write_text("{")
    assert finished(tmp_path, "rivals", TINY, {}) is None


@pytest.mark.parametrize(
    ("step", "code"),
    [({"code": 1}, 1), ({"code": 130}, 130), ({"raises": KeyboardInterrupt()}, 130)],
)
def test_a_failed_command_ends_the_report(tmp_path, monkeypatch, step, code):
    monkeypatch.setattr(report, "STEPS", (quick(calls=[], **step),))
    assert report.main(["--tiny", "--out", str(tmp_path)]) == code
    assert not (tmp_path / "report.html").exists()


def test_wrong_inputs(tmp_path, capsys, monkeypatch):
    assert report.main(["--checkpoint", "nowhere", "--out", str(tmp_path)]) == 1
    assert "nowhere" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        report.main(["--tiny", "--out", str(tmp_path), "--tables", "--sentences 0"])
    monkeypatch.setitem(__import__("sys").modules, "markdown_it", None)
    with pytest.raises(pf.MissingDependencyError, match="markdown-it-py"):
        page._renderer()


def test_columns_of_words_are_left():
    lines = ("a | b | path | n", "- | - | -: | -:", "1 | 2 | `x@1 c` | -", "1 | 2 | c | 5")
    text = "".join(f"| {line} |\n" for line in lines)
    html = page._renderer()(text)
    assert "<th>path</th>" in html
    assert "<td><code>x@1 c</code></td>" in html
    assert html.count("text-align:right") == 3
    assert page._renderer()("no table") == "<p>no table</p>\n"


def test_marks_are_where_the_numbers_are():
    dots = [
        Dot("nounPP SS", 0.25, 0.125, 0.5, 0.75, 1.0),
        Dot("nounPP SP", 1.5, -0.5, 2.0),
        Dot("Simple <S>", 0.0, 0.0, 0.0),
    ]
    svg = dot_chart("A & B", dots)
    at = [float(x) for x in re.findall(r'class="measured" cx="([\d.]+)"', svg)]
    assert at == [_LEFT + _WIDTH * v for v in (0.25, 1, 0)]
    (interval, cut, _) = re.findall(r'class="interval" x1="([\d.]+)" x2="([\d.]+)"', svg)
    assert [float(v) for v in interval] == [_LEFT + _WIDTH * v for v in (0.125, 0.5)]
    assert [float(v) for v in cut] == [_LEFT, _LEFT + _WIDTH]
    assert svg.count('class="published"') == svg.count('class="untrained"') == 1
    assert svg.count('class="rule"') == 1
    assert dot_chart("A", dots, grouped=False).count('class="rule"') == 0
    assert "A &amp; B" in svg
    assert "Simple &lt;S&gt;" in svg
    assert "untrained" in legend(untrained=True)
    assert "untrained" not in legend(untrained=False)


def test_the_audit_is_the_worst():
    rows = [
        {"model": "trained", "structural": 1e-7, "quadrature": 0.01},
        {"model": "trained", "structural": 3e-7, "quadrature": 0.02},
        {"model": "untrained 0", "structural": None, "quadrature": 9.0},
    ]
    made = contents.Contents({}, {}, {}, [], {"table1": rows[:2]}, {}, [])
    assert audit(made)["structural residual, table1"] == "3.0e-07 at worst"
    assert audit(made)["quadrature residual"].startswith("2.0% at worst")
    # A residual that is no number must not pass for a small one.
    made = contents.Contents({}, {}, {}, [], {"table1": rows}, {}, [])
    assert audit(made)["structural residual, table1"].startswith("inf")


def test_figures_of_two_kinds_are_shown_once(tmp_path):
    for name in ("paths.png", "paths.svg", "context.png"):
        (tmp_path / name).write_bytes(b"x")
    assert [f.name for f in sections.TABLES.figures_in(tmp_path)] == ["paths.svg"]
    assert [f.name for f in sections.CONTEXT.figures_in(tmp_path)] == ["context.png"]


def test_the_family_is_read_from_its_own_folder(folder, capsys):
    shutil.copytree(RESULTS["english"] / "family", folder.parent / "family")
    before = (folder / "table1.csv").read_bytes()
    assert report.main(["--tiny", "--out", str(folder), *NONE]) == 0
    assert "not there: Other architectures" not in capsys.readouterr().err
    text = (folder / "report.html").read_text()
    assert "Seeds, sizes and architectures" not in text  # its own title
    assert "Models that differ in nothing but their seed" in text
    found = json.loads((folder / "report.json").read_text())
    # The model's Table 1 and the family's are two tables.
    assert {"table1", "family_table1"} <= set(found["tables"])
    assert "group" not in found["tables"]["table1"][0]
    assert "group" in found["tables"]["family_table1"][0]
    assert (folder / "table1.csv").read_bytes() == before
    # A record beside the tables says what wrote them, and is asked about it.
    assert "family" not in found["faults"]
    (folder.parent / "family" / "family.run.json").unlink()
    assert report.main(["--tiny", "--out", str(folder), *NONE]) == 0
    found = json.loads((folder / "report.json").read_text())
    assert found["faults"]["family"].startswith("nothing says which command wrote it")


def test_what_is_of_another_model_is_not_shown(folder, capsys):
    asked = ["--checkpoint", str(ENGLISH), "--out", str(folder), *NONE]
    assert report.main(asked) == 0
    assert "not there: Tables 1 and 2" in capsys.readouterr().err
    found = json.loads((folder / "report.json").read_text())
    assert {"tables", "hypotheses", "rivals"} <= {m["section"] for m in found["missing"]}
    assert found["faults"]["tables"] == "it is of another model"
    assert "table1" not in found["tables"]
    assert found["hypotheses"] == []
    text = (folder / "report.html").read_text()
    assert "Tables 1 and 2, and the primary neurons: it is of another model" in text
    assert not (folder / "hypotheses.md").exists()


def test_what_was_asked_otherwise_has_a_remark(folder):
    asked = ["--tiny", "--out", str(folder), *NONE, "--tables", "--sentences 7"]
    assert report.main(asked) == 0
    text = (folder / "report.html").read_text()
    assert "Beware: --sentences was another" in text
    # All that was asked for is in the command, so that it makes the same again.
    command = f"--tiny --out {folder} --sentences 7"
    assert f"python -m examples.lstm_agreement {command}" in text
    assert f"report --tiny --out {folder} --tables &#x27;--sentences 7&#x27; --without" in text


def test_contents_of_inputs_count_and_not_their_places(tmp_path):
    words, tasks = tmp_path / "vocab.txt", tmp_path / "tasks"
    tasks.mkdir()
    words.write_text("a\nb\n")
    (tasks / "simple.txt").write_text("x\n")
    given = ["--tiny", "--vocab", str(words), "--tasks-dir", str(tasks)]
    options = steps.tables.parser().parse_args(given)
    stamp(tmp_path, "tables", options, TINY, [], 1.0)

    def fault(vocab=words, tasks=tasks):
        return check(tmp_path, "tables", TINY, {"tasks_dir": tasks}, vocab).fault

    assert fault() is None
    assert finished(tmp_path, "tables", TINY, {}, words)["options"]["tasks_dir"] == "tasks"
    same = shutil.copytree(tasks, tmp_path / "same")
    assert fault(tasks=same) is None
    (same / "simple.txt").write_text("y\n")
    assert fault(tasks=same) == "--tasks-dir was another"
    assert fault(tasks=None) == "--tasks-dir was another"
    assert fault(vocab=None) == "it is of a model with other words"
    other = tmp_path / "other.txt"
    other.write_text("a\nc\n")
    assert check(tmp_path, "tables", TINY, {}, other).foreign
    # As it stands, the file itself is another now.
    words.write_text("b\na\n")
    assert check(tmp_path, "tables", TINY, {}, words).foreign


def test_models_of_one_name_have_folders_of_their_own(tmp_path):
    def of(path):
        return folder_of(steps.tables.parser().parse_args(["--checkpoint", str(path)]))

    paths = [tmp_path / name / "model.pt" for name in "ab"]
    found = [of(p) for p in paths]
    assert found[0] != found[1]
    assert all(f.name.startswith("model-") for f in found)
    assert of(paths[0]) == found[0]
    assert of(TINY).name == "tiny"
    assert folder_of(steps.tables.parser().parse_args(["--tiny"])) == of(TINY)


def test_every_command_of_a_model_is_run(tmp_path):
    names = {s.name for s in sections.SECTIONS}
    assert {s.section.name for s in steps.STEPS} == names - {"hypotheses", "family"}
    for step in steps.STEPS:
        # What is asked for is read by the command's own options.
        assert step.parser().parse_args(["--tiny", "--out", str(tmp_path)]).tiny
