"""The report as one page of HTML that needs nothing but itself: no scripts, no other files."""

import base64
import re
from collections.abc import Callable, Mapping
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

import pathflow as pf
from examples.lstm_agreement.report import prose
from examples.lstm_agreement.report.contents import Contents
from examples.lstm_agreement.report.glance import cards, charts
from examples.lstm_agreement.report.sections import HYPOTHESES, SECTIONS, Section

_TYPES = {".png": "image/png", ".svg": "image/svg+xml"}


def page(contents: Contents, folder: Path) -> str:
    """The whole page.

    Arguments:
        contents: what it says.
        folder: where the figures are.

    Raises:
        MissingDependencyError: markdown-it-py is not installed.
    """
    render = _renderer()
    parts = [
        ("glance", "At a glance", cards(contents)),
        ("paper", "Beside the paper", _beside(contents, render)),
        ("method", "Method", render(prose.METHOD)),
    ]
    parts += [
        (s.name, s.title, _section(s, contents, folder, render))
        for s in SECTIONS
        if s.name in contents.texts
    ]
    parts += [
        ("unchecked", "What was not checked", render(prose.UNCHECKED) + _missing(contents)),
        ("model", "Model card", _card(contents.model)),
        ("run", "Versions, audit, and how to make this page", _run(contents)),
    ]
    links = "".join(f'<li><a href="#{name}">{escape(title)}</a></li>' for name, title, _ in parts)
    body = "".join(
        f'<section id="{name}"><h2>{escape(title)}</h2>{html}</section>'
        for name, title, html in parts
    )
    title = f"Influence paths of number agreement: {contents.model['title']}"
    return _PAGE.format(
        title=escape(title),
        model=escape(contents.model["title"]),
        description=escape(contents.model["description"]),
        style=files(__package__).joinpath("page.css").read_text(encoding="utf-8"),
        links=links,
        body=body,
        version=escape(contents.versions["pathflow"]),
    )


_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
{style}</style>
</head>
<body>
<nav aria-label="Contents"><strong>Contents</strong><ol>{links}</ol></nav>
<main>
<header>
<p class="kind">Influence paths of number agreement</p>
<h1>{model}</h1>
<p class="lead">{description}</p>
</header>
{body}
<footer>Made by pathflow {version}. The same numbers, machine-readable: report.json.</footer>
</main>
</body>
</html>
"""


def _renderer() -> Callable[[str], str]:
    try:
        from markdown_it import MarkdownIt  # noqa: PLC0415  (an optional extra)
    except ImportError as error:
        raise pf.MissingDependencyError(
            "the report needs markdown-it-py: pip install 'pathflow[examples]'."
        ) from error
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    return lambda text: _framed(markdown.render(text))


_TABLE = re.compile(r"<table>.*?</table>", re.DOTALL)
_ROW = re.compile(r"<tr>.*?</tr>", re.DOTALL)
_CELL = re.compile(r"<(t[hd])(?: style=\"text-align:right\")?>(.*?)</t[hd]>", re.DOTALL)


def _framed(html: str) -> str:
    """Tables in frames that scroll on their own, with columns of words to the left."""
    html = _TABLE.sub(lambda m: _aligned(m[0]), html)
    html = html.replace("<table>", '<div class="scroll" tabindex="0"><table>')
    return html.replace("</table>", "</table></div>")


def _aligned(table: str) -> str:
    """Markdown says which columns are numbers, but by their places and not by what they hold."""
    _, *lines = ([text for _, text in _CELL.findall(row)] for row in _ROW.findall(table))
    words = {
        i
        for i, cells in enumerate(zip(*lines, strict=True))
        if all(re.sub("<.*?>", "", cell)[:1].isalpha() for cell in cells)
    }

    def of_row(row: re.Match[str]) -> str:
        places = iter(range(len(row[0])))
        return _CELL.sub(
            lambda c: f"<{c[1]}>{c[2]}</{c[1]}>" if next(places) in words else c[0], row[0]
        )

    return _ROW.sub(of_row, table)


def _beside(contents: Contents, render: Callable[[str], str]) -> str:
    table = render(prose.differences(contents)).replace("<table>", '<table class="words">', 1)
    return f"{charts(contents)}<h3>Why the numbers differ</h3>{table}"


def _section(
    section: Section, contents: Contents, folder: Path, render: Callable[[str], str]
) -> str:
    text = contents.texts[section.name]
    # The page has its own title, and the section has one.
    text = re.sub(r"\A# .*\n", "", text)
    text = re.sub(r"(?m)^##", "###", text)
    html = render(text)
    if section is HYPOTHESES:
        html = re.sub(
            r"(?<=>)(holds|partly|does not hold|open)(?= \()",
            lambda m: f'<span class="{_KINDS[m[1]]}">{m[1]}</span>',
            html,
        ).replace("<table>", '<table class="words">')
    done = contents.steps.get(section.name)
    how = "" if done is None or done.record is None else _asked(done.record["options"])
    figures = "".join(_figure(f, section.title) for f in section.figures_in(folder))
    return f"{_doubt(section, contents)}{how}{figures}{html}"


def _doubt(section: Section, contents: Contents) -> str:
    """What speaks against taking a section for what was asked."""
    fault = contents.faults.get(section.name)
    if fault is None:
        return ""
    text = f"Not checked: {fault}; " if fault.startswith("nothing says") else f"Beware: {fault}; "
    command = escape(contents.command_of(section))
    return f'<p class="doubt">{escape(text)}<code>{command}</code> writes it anew.</p>'


_KINDS = {"holds": "yes", "partly": "open", "does not hold": "no", "open": "open"}


def _asked(options: Mapping[str, Any]) -> str:
    shown = {k: v for k, v in options.items() if v is not None}
    text = "; ".join(
        f"{name.replace('_', ' ')} {', '.join(map(str, v)) if isinstance(v, list) else v}"
        for name, v in shown.items()
    )
    return f'<p class="legend">Asked with: {escape(text)}.</p>'


def _figure(file: Path, title: str) -> str:
    data = base64.b64encode(file.read_bytes()).decode("ascii")
    kind = _TYPES[file.suffix]
    return (
        f'<figure class="picture"><img alt="{escape(title)}: {escape(file.stem)}" '
        f'src="data:{kind};base64,{data}"></figure>'
    )


def _missing(contents: Contents) -> str:
    if not contents.missing:
        return ""
    items = "".join(
        f"<li>{escape(s.title)}: {escape(contents.faults.get(s.name, 'not measured'))}; "
        f"<code>{escape(contents.command_of(s))}</code> makes it.</li>"
        for s in contents.missing
    )
    return f'<h3>Not on this page</h3><ul class="missing">{items}</ul>'


def _card(model: Mapping[str, Any]) -> str:
    sizes = {
        "file": model["file"],
        "layers x units": f"{model['layers']} x {model['units']}",
        "words": f"{model['words']:,}",
        "licence": model["licence"] or "-",
        "attribution": model["attribution"] or "-",
    }
    more = "".join(
        f"<h3>{name.capitalize()}</h3>{_list(model[name])}"
        for name in ("training", "evaluation")
        if model[name]
    )
    return _list(sizes) + more


def _run(contents: Contents) -> str:
    commands = {}
    for name, done in contents.steps.items():
        if done.record is None:
            commands[name] = "left out"
        else:
            versions = ", ".join(f"{k} {v}" for k, v in done.record["versions"].items())
            commands[name] = f"{done.record['seconds']:,.0f} seconds, {versions}"
    command = f"python -m examples.lstm_agreement.report {contents.arguments.get('report', '')}"
    return (
        f"<p><code>{escape(command.strip())}</code> writes this page, and runs what it lacks.</p>"
        f"<h3>Audit</h3>{_list(prose.audit(contents))}"
        "<p>Structural: the sum over paths against the derivative of the untouched model, relative "
        "to the sum of absolute values. Quadrature: the total against the change of the score, "
        "relative to it; that is the one approximation.</p>"
        f"<h3>Measurements</h3>{_list(commands)}"
        f"<h3>Versions that wrote the page</h3>{_list(contents.versions)}"
    )


def _list(facts: Mapping[str, Any]) -> str:
    lines = "".join(
        f"<dt>{escape(str(name))}</dt><dd>{escape(_text(value))}</dd>"
        for name, value in facts.items()
    )
    return f"<dl>{lines}</dl>"


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1e4 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
