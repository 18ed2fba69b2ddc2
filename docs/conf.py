"""Sphinx configuration. Before building, the Python code on every page is run."""

import importlib.metadata
import re
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

HERE = Path(__file__).parent

project = "pathflow"
author = "the pathflow authors"
copyright = "the pathflow authors"
release = importlib.metadata.version("pathflow")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
html_theme = "furo"
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
# Docstrings write code in single backticks.
default_role = "code"
autodoc_member_order = "bysource"
autodoc_typehints = "none"
napoleon_custom_sections = ["Sharp edges"]

_FENCE = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)


def run_pages(_: Sphinx) -> None:
    """Runs the Python blocks of each page in one namespace; an error fails the build."""
    for page in sorted(HERE.rglob("*.md")):
        namespace: dict[str, object] = {"__name__": page.stem}
        for block in _FENCE.finditer(page.read_text()):
            line = page.read_text()[: block.start()].count("\n") + 2
            # Blank lines in front make the line numbers of a traceback those of the page.
            code = compile("\n" * (line - 1) + block[1], str(page), "exec")
            try:
                exec(code, namespace)  # noqa: S102
            except Exception as error:
                raise ExtensionError(f"{page}:{line}: {error!r}", error) from error


def markdown_to_rst(
    _app: Sphinx, _what: str, _name: str, _obj: object, _options: object, lines: list[str]
) -> None:
    """Docstrings fence their code as Markdown does; Sphinx reads them as reStructuredText."""
    inside = False
    for i, line in enumerate(lines):
        text = line.strip()
        if text.startswith("```"):
            inside = not inside
            indent = line[: len(line) - len(line.lstrip())]
            lines[i] = f"{indent}.. code-block:: {text[3:] or 'text'}\n" if inside else ""
        elif inside:
            lines[i] = f"    {line}" if text else line
    lines[:] = "\n".join(lines).split("\n")


def setup(app: Sphinx) -> None:
    app.connect("builder-inited", run_pages)
    # Before napoleon, which would take a fence for a paragraph.
    app.connect("autodoc-process-docstring", markdown_to_rst, priority=400)
