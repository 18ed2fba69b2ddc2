"""Exit codes, what goes where, and what a user sees of a mistake."""

import dataclasses
import json
import os
import re
import subprocess
import sys
import unicodedata
from pathlib import Path

import numpy as np
import pytest

import pathflow as pf
from pathflow import __version__
from tests.helpers._results import make

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("where", "why"),
    [
        ("asked", "not of the form MODULE:FUNCTION"),
        ("asked.py:problem", "A file is named as a module: asked:FUNCTION"),
        ("./asked.py:problem", "A file is named as a module: asked:FUNCTION"),
        ("nowhere:problem", "there is no module 'nowhere'"),
        ("asked:problm", "no function 'problm'; it defines problem"),
        ("asked:NUMBER", "is a int and no function"),
        ("asked:asks", "asks for seed"),
        ("asked:nothing", "returned None; return a pathflow.cli.Problem"),
        ("asked:raises", r"asked:raises failed: TypeError: .*\(.*asked.py:\d+\)"),
        ("asked:incomplete", "missing 1 required positional argument: 'doi'"),
        ("asked:no_graph", "takes what pathflow.trace returns, got a function"),
        ("asked:wrong_source", "x@9"),
        ("broken:problem", r"importing broken failed: SyntaxError"),
        ("broken:problem", r"\(\S*broken\.py:1\)$"),
        ("asked:parses", r"SyntaxError: .*\(.*asked.py:\d+\)$"),
        ("asked:reads_json", r"JSONDecodeError: .*\(.*asked.py:\d+\)$"),
        ("asked:ends", r"asked:ends failed: SystemExit: 0 \(.*asked.py:\d+\)"),
        ("exits:problem", r"importing exits failed: SystemExit: 3 \(.*exits.py:2\)"),
        ("needs:problem", r"importing needs failed: ModuleNotFoundError: .*'not_there'"),
    ],
)
@pytest.mark.parametrize("command", ["trace", "attribute"])
def test_a_problem_that_cannot_be_used(run, folder, where, why, command, unchecked):
    (folder / "broken.py").write_text("def problem(:\n")
    (folder / "needs.py").write_text("import not_there\n")
    (folder / "exits.py").write_text("import sys\nsys.exit(3)\n")
    found = run(command, where)
    assert (found.code, found.out) == (1, "")
    assert re.search(why, found.err), found.err
    assert found.err.startswith("pathflow: error: ")
    assert "Traceback" not in found.err
    for name in ("broken", "exits", "needs"):
        sys.modules.pop(name, None)


def test_debug_shows_where_an_error_comes_from(run):
    found = run("trace", "asked:raises", "--debug")
    assert (found.code, found.out) == (1, "")
    assert "Traceback" in found.err
    assert "WORDS @ jnp.zeros(7)" in found.err


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--top", "2", "--above", "0.1"), "two searches"),
        (("--pattern", ".*"), "--top or --above"),
        (("--top", "0"), "at least 1"),
        (("--memory", "0"), "above 0"),
        (("--memory", "inf"), "--memory inf takes a number of GiB"),
        (("--memory", "nan"), "--memory nan takes a number of GiB"),
        (("--top", "-3"), "--top -3 takes a number of paths"),
        (("--rows", "-1"), "--rows -1 takes a number of rows"),
        (("--above", "nan"), "--above nan takes a positive number"),
        (("--above", "-1"), "positive number"),
        (("--top", "1", "--pattern", "(("), "pattern"),
        (("--memory", "1e-9"), "Raise --memory, "),
    ],
)
def test_options_that_cannot_be_used(run, arguments, why):
    found = run("attribute", "asked:problem", *arguments)
    assert (found.code, found.out) == (1, "")
    assert why in found.err


def test_classes_that_cannot_be_used(run):
    for classes in ((), ("no pattern",), ("=x",), ("a=.*", "a=.*"), ("rest=.*",), ("a=((",)):
        found = run("aggregate", "asked:problem", *classes)
        assert (found.code, found.out) == (1, "")
        assert found.err.startswith("pathflow: error: ")


def test_a_folder_that_is_there_is_kept(run, folder):
    assert run("attribute", "asked:problem", "--out", "run").code == 0
    before = (folder / "run" / "manifest.json").read_bytes()
    # Before any work, even that of making the problem.
    for command in (("attribute", "asked:raises"), ("aggregate", "asked:raises", "all=.*")):
        found = run(*command, "--out", "run")
        assert (found.code, found.out) == (1, "")
        assert "run is there already" in found.err
    assert (folder / "run" / "manifest.json").read_bytes() == before


@pytest.mark.parametrize("command", [("attribute",), ("aggregate", "late=.* gate@3 .*")])
def test_a_result_that_cannot_be_saved_is_printed_all_the_same(run, monkeypatch, command):
    def refuse(*_args):
        raise pf.DiskFullError("runs/full: there is no room left to write")

    name, *rest = command
    wanted = run(name, "asked:problem", *rest)
    monkeypatch.setattr("pathflow.results._storable.write_folder", refuse)
    found = run(name, "asked:problem", *rest, "--out", "runs/full")
    assert (found.code, found.out) == (1, wanted.out)
    assert "runs/full" in found.err
    assert "saved in" not in found.err


def test_where_no_folder_can_be_is_refused_before_any_work(run, folder):
    (folder / "file").write_text("")
    found = run("attribute", "asked:raises", "--out", "file/run")
    assert (found.code, found.out) == (1, "")
    assert found.err.startswith("pathflow: error: file/run cannot be written")


@pytest.mark.parametrize("command", ["trace", "top"])
def test_a_number_of_rows_below_0_is_refused(run, folder, command):
    make("attribution", None).save(folder / "run")
    found = run(command, {"trace": "asked:problem", "top": "run"}[command], "--rows", "-1")
    assert (found.code, found.out) == (1, "")
    assert found.err == "pathflow: error: --rows -1 takes a number of rows of at least 0.\n"


def test_a_budget_of_an_aggregation_is_an_option(run):
    found = run("aggregate", "asked:problem", "all=.*", "--memory", "1e-8")
    assert (found.code, found.out) == (1, "")
    assert found.err.startswith("pathflow: error: --memory: one example at one point takes")


@pytest.mark.filterwarnings("ignore:invalid value")
def test_a_number_that_is_not_finite_is_a_text(run, folder):
    result = make("attribution", None)
    result.influences[:2] = [np.inf, -np.inf]
    result.save(folder / "run")
    found = run("top", "run", "--json").json()
    assert [row["influence"] for row in found["rows"][:2]] == ["Infinity", "-Infinity"]
    assert found["total"] == found["rows"][0]["share"] == "NaN"


def test_a_wrong_command_line(run):
    for arguments in (
        ("nonsense",),
        ("top",),
        ("top", "a", "--nothing"),
        ("attribute", "a:b", "--top", "x"),
    ):
        found = run(*arguments)
        assert (found.code, found.out) == (2, "")
        assert found.err


def test_help_is_a_result(run):
    for arguments in (("--help",), (), ("convert", "--help")):
        found = run(*arguments)
        assert (found.code, found.err) == (0, "")
        assert "usage: pathflow" in found.out
    for command in ("trace", "attribute", "aggregate", "top", "view", "convert", "agreement"):
        assert command in run().out


def test_an_interruption(run, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("pathflow.cli._trace.describe", interrupted)
    found = run("trace", "asked:problem")
    assert (found.code, found.out, found.err) == (130, "", "pathflow: interrupted\n")


def test_without_tyro(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "tyro", None)
    monkeypatch.delitem(sys.modules, "pathflow.cli._options")
    found = run("trace", "asked:problem")
    assert found.code == 1
    assert "pathflow[cli]" in found.err


def test_a_bar_only_on_a_terminal(run, monkeypatch):
    from pathflow.cli._progress import progress

    with progress("paths", quiet=False) as told:
        assert told is None
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with progress("paths", quiet=True) as told:
        assert told is None
    with progress("paths", quiet=False) as told:
        told(0.5)
    found = run("attribute", "asked:problem")
    assert found.code == 0
    assert "paths" in found.out


def process(*arguments, cwd=None):
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith(("JAX_ENABLE", "COV"))},
        "PYTHONPATH": str(ROOT),
    }
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        env=environment,
        check=False,
    )


def test_as_a_process(folder):
    found = process("-m", "pathflow", "attribute", "asked:problem", "--json", "--x64", cwd=folder)
    assert (found.returncode, found.stderr) == (0, "")
    facts = json.loads(found.stdout)
    assert facts["audit"]["dtype"] == "float64"
    assert facts["audit"]["ok"]
    assert len(facts["rows"]) == 4
    found = process("-m", "pathflow", "trace", "asked:nothing", cwd=folder)
    assert (found.returncode, found.stdout) == (1, "")
    assert len(found.stderr.splitlines()) == 1


def test_version_and_help_need_no_jax():
    found = process("-m", "pathflow", "--version")
    assert (found.returncode, found.stdout) == (0, f"pathflow {__version__}\n")
    code = (
        "import sys; from pathflow.cli import main; code = main(['--help']); "
        "heavy = {'jax', 'flax', 'numpy', 'networkx'} & sys.modules.keys(); "
        "sys.exit(str(heavy) if heavy else 0)"
    )
    found = process("-c", code)
    assert (found.returncode, found.stderr) == (0, "")


def test_a_reader_that_has_enough(folder):
    code = (
        "import os, sys; from pathflow.cli import main; sys.stdout.flush(); "
        "r, w = os.pipe(); os.dup2(w, 1); os.close(r); os.close(w); "
        "sys.exit(main(['trace', 'asked:problem', '--json']))"
    )
    found = process("-c", code, cwd=folder)
    assert (found.returncode, found.stderr) == (141, "")


@pytest.mark.parametrize("command", ["trace", "attribute"])
def test_what_the_users_code_prints_is_no_result(run, command):
    found = run(command, "asked:speaks", "--json")
    assert found.code == 0, found.err
    assert found.json()
    assert "of the problem\n" in found.err
    assert "of the problem, traced 1" in found.err


def test_a_model_that_ends_the_program_is_an_error(run, monkeypatch):
    def ends(*_):
        sys.exit(0)

    monkeypatch.setattr("pathflow.cli._trace.describe", ends)
    found = run("trace", "asked:problem")
    assert (found.code, found.out) == (1, "")
    assert found.err == "pathflow: error: the model ended the program (SystemExit: 0).\n"


def test_nothing_steers_the_terminal(run, folder):
    """Labels, what an audit says, errors and notes may be a stranger's."""
    result = make("attribution", None)
    audit = dataclasses.replace(result.audit, blocked=("\x1b[0m -> \x00",))
    dataclasses.replace(result, audit=audit).save(folder / "run")
    shown = run("top", "run", "-n", "20")
    assert shown.code == 0
    assert r"\x1b[0m" in shown.out
    assert r"\x00" in shown.out
    refused = run("convert", "run\x1b]0;title\x07", "out.csv")
    noted = run("convert", "run", "out\x1b[2J.csv")
    assert (refused.code, noted.code) == (1, 0)
    for text in (shown.out, shown.err, refused.err, noted.err):
        assert text.isascii() or "\U0001f600" in text
        assert not {c for c in text if unicodedata.category(c) in ("Cc", "Cs")} - {"\n"}
