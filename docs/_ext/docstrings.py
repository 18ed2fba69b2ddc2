"""Docstrings are written like Markdown; Sphinx reads them as reStructuredText."""

from sphinx.application import Sphinx


def fences_to_directives(
    _app: Sphinx, _what: str, _name: str, _obj: object, _options: object, lines: list[str]
) -> None:
    """Makes a code block of what stands between fences."""
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


def setup(app: Sphinx) -> dict[str, bool]:
    # Before napoleon, which would take a fence for a paragraph.
    app.connect("autodoc-process-docstring", fences_to_directives, priority=400)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
