"""What is written down about the package is true of it."""

import importlib
import inspect
import os
import pkgutil
import re
import subprocess
import sys
import tomllib
from functools import reduce
from pathlib import Path

import pytest

import pathflow as pf

ROOT = Path(__file__).parents[1]

# Packages whose every name is public, under their own name.
PUBLIC = ["cli", "exports", "metrics", "models", "plot"]
# Layers: what users need of them is a name of `pathflow` itself, but for a few hooks.
LAYERS = [
    "adapters", "drawing", "evaluation", "graph", "influence",
    "interest", "intervention", "page", "results", "storage", "tracing",
]  # fmt: skip
HOOKS = [
    "pathflow.graph.automaton_of",
    "pathflow.graph.make_trellis",
    "pathflow.tracing.AbstractAdapter",
    "pathflow.tracing.CellRecipe",
    "pathflow.tracing.register_adapter",
    "pathflow.tracing.register_recipe",
]
README = ROOT / "README.md"
DOCUMENTS = sorted(
    file
    for file in ROOT.rglob("*.md")
    if not {"_build", "mutants", "out"} & set(file.relative_to(ROOT).parts)
    and not any(part.startswith(".") for part in file.relative_to(ROOT).parts)
)
PAGES = [file for file in DOCUMENTS if file.is_relative_to(ROOT / "docs")]


def public_names() -> list[str]:
    names = list(HOOKS)
    for prefix in ("pathflow", *(f"pathflow.{package}" for package in PUBLIC)):
        module = importlib.import_module(prefix)
        names += [
            f"{prefix}.{name}"
            for name in dir(module)
            if not name.startswith("_") and not inspect.ismodule(getattr(module, name))
        ]
    return sorted(names)


def documented_names() -> list[str]:
    pages = "".join(page.read_text() for page in (ROOT / "docs/api").glob("*.md"))
    return sorted(re.findall(r"^\.\. auto\w+:: (\S+)", pages, re.MULTILINE))


def test_every_public_name_is_once_in_the_api_pages():
    assert documented_names() == public_names()


def test_every_package_is_public_or_a_layer():
    found = [m.name for m in pkgutil.iter_modules(pf.__path__) if not m.name.startswith("_")]
    assert sorted(found) == sorted(PUBLIC + LAYERS)


@pytest.mark.parametrize("document", [README, *PAGES], ids=lambda f: str(f.relative_to(ROOT)))
def test_names_in_documents_exist(document):
    """`pf.trace`, `pathflow.models.MLP`, `pf.Line(...)`: what stands in code is there."""
    named = re.findall(r"\b(?:pf|pathflow)((?:\.[A-Za-z_]\w*)+)", document.read_text())
    for name in {n for n in named if not n.endswith((".md", ".py", ".cli"))}:
        module, rest = pf, name[1:].split(".")
        if rest[0] in PUBLIC + LAYERS:
            module, rest = importlib.import_module(f"pathflow.{rest[0]}"), rest[1:]
        try:
            reduce(getattr, rest, module)
        except AttributeError:
            # A package inside a package, or an attribute that only instances have.
            try:
                importlib.import_module(f"pathflow{name}")
            except ModuleNotFoundError:
                pytest.fail(f"{document.name} speaks of pathflow{name}, which is not there")


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
    """All blocks of Python, one after the other, each with its output below it."""
    text = README.read_text()
    parts = re.findall(
        r"^```python\n(.*?)^```\n\n^```text\n(.*?)^```", text, re.DOTALL | re.MULTILINE
    )
    assert len(parts) == text.count("```python") > 0
    code, output = ("".join(part) for part in zip(*parts, strict=True))
    # Residuals are rounding noise, and differ from one JAX to the next.
    noise = re.compile(r"\d\.\de-\d\d(?= of| ?,)")
    assert noise.sub("…", run("-c", code)) == noise.sub("…", output)


@pytest.mark.one_python
def test_python_stands_where_it_is_run():
    """In the README by the test above, on pages when they are built (`docs/_ext/notebooks.py`)."""
    for document in DOCUMENTS:
        fences = re.findall(
            r"^([ \t>]*)(`{3,}|~{3,})[ ]*([^\s`]+)", document.read_text(), re.MULTILINE
        )
        for indent, _, language in fences:
            assert language not in {"py", "py3", "python3", "pycon", "ipython", "{code-cell}"}, (
                document
            )
            if language == "python":
                assert document in [README, *PAGES], document
                assert not indent, f"{document}: an indented block would not be run"


@pytest.mark.one_python
@pytest.mark.parametrize("name", ["study", "tests"])
def test_the_readme_has_its_commands(name):
    readme = (ROOT / "README.md").read_text()
    command = re.search(rf"<!-- command: {name} -->\n```bash\n(.*)\n```", readme)[1]
    assert command.startswith("python3 -m venv .venv && .venv/bin/pip install -c constraints/")
    for path in re.findall(r"constraints/\S+", command):
        assert (ROOT / path).is_file()


@pytest.mark.one_python
@pytest.mark.parametrize("path", sorted((ROOT / "constraints").glob("*.txt")), ids=lambda p: p.stem)
def test_constraints_are_names_and_versions(path):
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    assert lines
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+", line) for line in lines)


def anchors(document: Path) -> set[str]:
    """What headings are linked as, by the rule that code hosts and MyST share."""
    text = re.sub(r"^```.*?^```", "", document.read_text(), flags=re.DOTALL | re.MULTILINE)
    titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


@pytest.mark.one_python
@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda f: str(f.relative_to(ROOT)))
def test_links_lead_somewhere(document):
    text = re.sub(r"^```.*?^```", "", document.read_text(), flags=re.DOTALL | re.MULTILINE)
    for link in re.findall(r"\]\((?!https?:)([^)\s]+)\)", text):
        target, _, anchor = link.partition("#")
        file = (document.parent / target).resolve() if target else document
        assert file.exists(), f"{link} leads nowhere"
        assert not anchor or anchor in anchors(file), f"{link} names no heading"


@pytest.mark.one_python
def test_the_gallery_has_every_example():
    gallery = (ROOT / "docs/examples.md").read_text()
    examples = [readme.parent for readme in sorted((ROOT / "examples").glob("*/README.md"))]
    assert len(examples) > 5
    for folder in examples:
        assert f"python -m examples.{folder.name}\n" in gallery
        assert f"(../examples/{folder.name}/README.md)" in gallery
        assert re.search(rf"!\[[^]]+\]\(\.\./examples/{folder.name}/results/\S+\)", gallery)


@pytest.mark.one_python
def test_the_readme_explains_every_extra():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    rows = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \|", README.read_text(), re.MULTILINE)
    assert sorted(re.findall(r"\w+", " ".join(rows))) == sorted(extras)


@pytest.mark.one_python
@pytest.mark.parametrize(("page", "least"), [("extending", 15), ("promises", 30)])
def test_a_table_names_files_that_exist(page, least):
    table = (ROOT / f"docs/{page}.md").read_text()
    paths = re.findall(r"`((?:pathflow|tests)/[^`]*)`", table)
    modules = re.findall(r"`python -m ((?:tests|benchmarks)[.\w]*)[^`]*`", table)
    places = [m.replace(".", "/") for m in modules]
    assert len(paths) > least
    assert [p for p in paths if not (ROOT / p).exists()] == []
    assert [p for p in places if not ((ROOT / p).is_dir() or (ROOT / f"{p}.py").exists())] == []


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
