"""The documentation's commands work as they stand there."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from pathflow.cli import main
from tests.cli.test_process import process

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/command_line.md").read_text()
ASK, LOOK = (
    re.search(rf"## {title}.*?```bash\n(.*?)```", PAGE, re.DOTALL)[1].splitlines()
    for title in ("Ask", "Look at what was saved")
)


@pytest.fixture
def gated(folder):
    (folder / "gated.py").write_text(re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)[1])
    yield folder
    sys.modules.pop("gated", None)


def test_the_commands_of_the_page(gated, monkeypatch, capsys):
    monkeypatch.setattr("webbrowser.open", lambda _: True)
    done = []
    for line in [*ASK, *LOOK]:
        name, *arguments = shlex.split(line, comments=True)
        assert name == "pathflow"
        if "model.pt" in arguments:
            continue
        # The page's conditions are two runs of one problem here.
        if "runs/singular" in arguments:
            for condition in ("singular", "plural"):
                assert main(["attribute", "gated:problem", "--out", f"runs/{condition}"]) == 0
        assert main(arguments) == 0, (line, capsys.readouterr().err)
        done.append(arguments[0])
    assert set(done) == {"trace", "attribute", "merge", "aggregate", "top", "view", "convert"}
    assert {"flow.html", "paths.parquet", "graph.json", "all.html"} <= {
        path.name for path in gated.iterdir()
    }


def test_the_output_of_the_page(gated):
    output = re.search(r"```text\n(.*?)```", PAGE, re.DOTALL)[1]
    found = process("-m", "pathflow", "attribute", "gated:problem", cwd=gated)
    # Residuals are rounding noise, and differ from one JAX to the next.
    noise = re.compile(r"\d\.\de-\d\d(?= of| ?,)")
    assert noise.sub("…", found.stdout) == noise.sub("…", output)


def test_the_entry_point_is_declared():
    text = (ROOT / "pyproject.toml").read_text()
    assert '[project.scripts]\npathflow = "pathflow.cli:main"\n' in text
    assert subprocess.run([sys.executable, "-c", "from pathflow.cli import main"], check=True)
