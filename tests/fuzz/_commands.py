"""Arguments of the command line, on results that are there."""

import contextlib
import io
import os
import tempfile
import unicodedata
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from pathflow.cli import main
from tests.fuzz._mutations import HOSTILE_TEXTS
from tests.fuzz._parser import Parser
from tests.helpers._results import KINDS, make

_VALID = (
    ("top", "attribution", "-n", "5", "--by", "largest"),
    ("top", "ranked", "--json"),
    ("top", "conductances", "--rows", "3", "--example", "0"),
    ("convert", "attribution", "out.csv"),
    ("convert", "sampled", "out.json", "--to", "json"),
    ("convert", "attribution", "out.graphml", "--example", "0"),
    ("trace", "nowhere:problem", "--pattern", "x .* qoi"),
    ("attribute", "nowhere:problem", "--top", "3", "--above", "0.5", "--memory", "1"),
    ("aggregate", "nowhere:problem", "a=x .* qoi"),
    ("--version",),
    ("--help",),
)
# No slash, so that nothing is written outside of the folder.
_WORDS = (
    "top", "convert", "trace", "-n", "--rows", "--by", "--example", "--json", "--quiet", "--debug",
    "--to", "--memory", "-1", "0", "99999999999999999999", "1e400", "nan", "-0", "magnitude", ".",
    "..", "", "--", "-", "out.parquet", "out.unknown", "attribution", "refinement", "a=b=c", "=",
    "os:getcwd", "sys:path", "builtins:print", "nowhere:", ":", "--no-json", "--help",
    *(t for t in HOSTILE_TEXTS if "/" not in t and "\0" not in t),
)  # fmt: skip


@cache
def _results() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="pathflow-fuzz-"))
    for kind in KINDS:
        make(kind, 2).save(folder / kind)
    return folder


def _stays_here(text: str) -> bool:
    return not {"/", "\0"} & {*text}


@st.composite
def _arguments(draw: Any) -> list[str]:
    given = list(draw(st.sampled_from(_VALID)))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(given)))
        word = st.sampled_from(_WORDS) | st.text(max_size=5).filter(
            lambda t: not {"/", "\0"} & {*t}
        )
        match draw(st.sampled_from(("put", "replace", "drop", "join"))):
            case "put":
                given.insert(at, draw(word))
            case "replace":
                given[at : at + 1] = [draw(word)]
            case "drop":
                del given[at : at + 1]
            case "join":
                given[at : at + 2] = ["=".join(given[at : at + 2])]
    return given


def _run(arguments: list[str], folder: Path) -> None:
    if "agreement" in arguments:
        return
    out, err, before = io.StringIO(), io.StringIO(), Path.cwd()
    for result in _results().iterdir():
        (folder / result.name).symlink_to(result)
    os.chdir(folder)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main(arguments)
    finally:
        os.chdir(before)
    said = out.getvalue() + err.getvalue()
    assert code in (0, 1, 2), code
    assert code == 0 or err.getvalue(), "an exit code without a word"
    assert "Traceback" not in said or "--debug" in arguments
    assert all(unicodedata.category(c) not in ("Cc", "Cs") or c in "\n\t" for c in said)


PARSERS = (Parser("arguments of the command line", _arguments, _run, 20),)
