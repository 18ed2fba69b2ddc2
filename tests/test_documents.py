"""What is written down about the package is true of it."""

import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import pathflow as pf
from pathflow import cli, exports, metrics, models, plot

ROOT = Path(__file__).parents[1]


def public_names() -> list[str]:
    names = []
    for prefix, module in (
        ("pathflow", pf),
        ("pathflow.cli", cli),
        ("pathflow.exports", exports),
        ("pathflow.metrics", metrics),
        ("pathflow.models", models),
        ("pathflow.plot", plot),
    ):
        names += [
            f"{prefix}.{name}"
            for name in dir(module)
            if not name.startswith("_") and not inspect.ismodule(getattr(module, name))
        ]
    return sorted(names)


def test_every_public_name_is_once_in_the_api_pages():
    pages = "".join(page.read_text() for page in (ROOT / "docs/api").glob("*.md"))
    documented = re.findall(r"^\.\. auto\w+:: (\S+)", pages, re.MULTILINE)
    assert sorted(documented) == public_names()


@pytest.mark.parametrize("name", public_names())
def test_every_public_name_has_a_docstring(name):
    module, _, attribute = name.rpartition(".")
    value = getattr(sys.modules[module], attribute)
    if inspect.isclass(value) or inspect.isfunction(value):
        assert (value.__doc__ or "").strip(), name


def run(*arguments: str) -> str:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("JAX_ENABLE")}
    done = subprocess.run(
        [sys.executable, *arguments],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environment,
    )
    return done.stdout


def test_the_readme_prints_what_it_says():
    readme = (ROOT / "README.md").read_text()
    code, output = re.search(
        r"```python\n(.*?)```\n\n```text\n(.*?)```", readme, re.DOTALL
    ).groups()
    # Residuals are rounding noise, and differ from one JAX to the next.
    noise = re.compile(r"\d\.\de-\d\d(?= of| ?,)")
    assert noise.sub("…", run("-c", code)) == noise.sub("…", output)


@pytest.mark.parametrize("name", ["study", "tests"])
def test_the_readme_has_its_commands(name):
    readme = (ROOT / "README.md").read_text()
    command = re.search(rf"<!-- command: {name} -->\n```bash\n(.*)\n```", readme)[1]
    assert command.startswith("python3 -m venv .venv && .venv/bin/pip install -c constraints/")
    for path in re.findall(r"constraints/\S+", command):
        assert (ROOT / path).is_file()


@pytest.mark.parametrize("path", sorted((ROOT / "constraints").glob("*.txt")), ids=lambda p: p.stem)
def test_constraints_are_names_and_versions(path):
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    assert lines
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+", line) for line in lines)


def test_links_between_documents_lead_somewhere():
    for document in [ROOT / "README.md", *ROOT.glob("docs/**/*.md"), ROOT / "CONTRIBUTING.md"]:
        for target in re.findall(r"\]\((?!http)([^)#]+)\)", document.read_text()):
            assert (document.parent / target).exists(), f"{document}: {target}"


def test_the_extending_table_names_files_that_exist():
    table = (ROOT / "docs/extending.md").read_text()
    paths = re.findall(r"`((?:pathflow|tests)/[^`]*)`", table)
    assert len(paths) > 15
    assert [p for p in paths if not (ROOT / p).exists()] == []


def test_import_is_light_and_changes_no_setting():
    heavy = ["matplotlib", "pandas", "optax", "safetensors", "rich", "torch"]
    code = f"""
import sys
import pathflow
assert "jax" not in sys.modules
import jax
before = dict(jax.config.values)
pathflow.trace
assert dict(jax.config.values) == before
print([name for name in {heavy} if name in sys.modules])
"""
    assert run("-c", code).strip() == "[]"
