"""Sphinx configuration. Every `python` block of every page is run, and its output shown."""

import hashlib
import importlib.metadata
import os
from pathlib import Path

import jax
from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator

HERE = Path(__file__).parent

project = "pathflow"
author = "the pathflow authors"
copyright = "the pathflow authors"
release = importlib.metadata.version("pathflow")

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "pathflow"
html_static_path = ["_static"]
html_css_files = ["pathflow.css"]
html_show_sphinx = False
myst_enable_extensions = ["amsmath", "dollarmath"]
myst_heading_anchors = 3
# Formulas are MathML, made while building, so that the pages need no network and no script.
html_math_renderer = "mathml"
# Docstrings write code in single backticks.
default_role = "code"
autodoc_member_order = "bysource"
autodoc_typehints = "none"
napoleon_custom_sections = ["Sharp edges"]


def _fingerprint() -> str:
    """What the output of a page depends on besides the page: the package and JAX."""
    digest = hashlib.sha256(jax.__version__.encode())
    for file in sorted((HERE.parent / "pathflow").rglob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


# Pages are notebooks whose cells are ordinary blocks of Python, so that they read well as they are.
nb_custom_formats = {
    ".md": [
        "myst_nb.core.read.read_myst_markdown_notebook",
        {"code_directive": "python", "add_source_map": True},
        False,
    ]
}
nb_execution_mode = "cache"
nb_execution_cache_path = str(HERE / "_build" / ".jupyter_cache" / _fingerprint())
nb_execution_excludepatterns = [
    str(page) for page in HERE.rglob("*.md") if "\n```python\n" not in page.read_text()
]
nb_execution_timeout = 300
nb_execution_raise_on_error = True
nb_execution_show_tb = True
nb_output_stderr = "error"
nb_merge_streams = True
nb_mime_priority_overrides = [("html", "image/svg+xml", 0)]

# What the kernels see: no search for an accelerator, and this checkout whatever is installed.
os.environ["JAX_PLATFORMS"] = "cpu"
os.environ["PYTHONPATH"] = os.pathsep.join(
    filter(None, [str(HERE.parent), os.environ.get("PYTHONPATH")])
)


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


def inline_math(translator: HTML5Translator, node: nodes.math) -> None:
    """A formula inside a line."""
    translator.body.append(convert(node.astext()))
    raise nodes.SkipNode


def display_math(translator: HTML5Translator, node: nodes.math_block) -> None:
    """A formula on lines of its own."""
    formula = convert(node.astext(), display="block")
    translator.body.append(f'<div class="formula">{formula}</div>')
    raise nodes.SkipNode


def setup(app: Sphinx) -> None:
    # Before napoleon, which would take a fence for a paragraph.
    app.connect("autodoc-process-docstring", markdown_to_rst, priority=400)
    app.add_html_math_renderer(
        "mathml", inline_renderers=(inline_math, None), block_renderers=(display_math, None)
    )
