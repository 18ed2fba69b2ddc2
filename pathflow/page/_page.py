"""The whole page: what fits is chosen, and put into one file with all that shows it."""

import base64
import hashlib
import html
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from pathflow._errors import ArgumentError
from pathflow._version import __version__

from ._contents import Sheet
from ._embed import Level, Spaces, embed
from ._encode import safe_json

_SCRIPTS = (
    "pattern.js", "automaton.js", "space.js", "paths.js", "words.js", "layout.js", "graph.js",
    "table.js", "panels.js", "app.js",
)  # fmt: skip

# From everything to the least: what is tried until a page is small enough.
_LEVELS = (
    Level(examples=True, double=True),
    Level(examples=False, double=True),
    Level(examples=False, double=False),
)
# When even that is too much, the largest paths; of each sheet at least so many.
_FEWEST = 100


def make_page(sheets: Mapping[str, Sheet], title: str, max_bytes: int) -> str:
    """One HTML document that shows the sheets, one at a time, and asks for nothing from anywhere.

    Arguments:
        sheets: what to switch between, by name.
        title: of the document.
        max_bytes: what the page may take, about. Numbers are left out until it fits: those of the
            single examples first, then half of each number's digits, then the smallest paths; the
            page says what.

    Raises:
        ArgumentError: there is no sheet, or not even the program of the page fits.
    """
    if not sheets:
        raise ArgumentError("results is empty; give at least one result.")
    for level in _LEVELS:
        page = _document(sheets, title, level)
        if len(page) <= max_bytes:
            return page
    most = (
        max(s.paths.influences.shape[1] for s in sheets.values() if s.paths)
        if any(s.paths for s in sheets.values())
        else 0
    )
    while most > _FEWEST:
        most = max(_FEWEST, most // 2)
        page = _document(sheets, title, Level(examples=False, double=False, paths=most))
        if len(page) <= max_bytes:
            return page
    raise ArgumentError(
        f"max_bytes={max_bytes} is too little: with the {_FEWEST} largest paths of each result the "
        f"page takes {len(page)}; allow that much, or show fewer results."
    )


def _document(sheets: Mapping[str, Sheet], title: str, level: Level) -> str:
    spaces = Spaces()
    embedded = [embed(sheet, name, level, spaces) for name, sheet in sheets.items()]
    data: dict[str, Any] = {"title": title, "spaces": spaces.drawn, "sheets": embedded}
    free = any(space["layout"] is None for space in spaces.drawn)
    libraries = ["d3", *(["dagre"] if free else [])]
    scripts = [*map(_library, libraries), _program()]
    style = _asset("page.css")
    policy = "; ".join(
        [
            "default-src 'none'",
            "script-src " + " ".join(map(_hash, scripts)),
            f"style-src {_hash(style)}",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )
    licences = "\n\n".join(_vendored(f"{name}.LICENSE.txt") for name in libraries)
    parts = {
        "policy": policy,
        "title": html.escape(title),
        "style": style,
        "data": safe_json(data),
        "scripts": "\n".join(f"<script>{script}</script>" for script in scripts),
        "version": html.escape(__version__),
        "licences": html.escape(licences),
    }
    page = _asset("page.html")
    head, *rest = page.split("{{")
    pieces = [head]
    # In one pass, so that nothing in the data is taken for a place to fill.
    for piece in rest:
        name, _, after = piece.partition("}}")
        pieces += [parts[name], after]
    return "".join(pieces)


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


@cache
def _program() -> str:
    """The page's own scripts as one, whose names no other script sees."""
    sources = "\n".join(map(_asset, _SCRIPTS))
    return f'(() => {{\n"use strict";\n{sources}\n}})();'


@cache
def _library(name: str) -> str:
    """A vendored library, without the address of its source map, which a browser might ask for."""
    lines = _vendored(f"{name}.min.js").splitlines()
    return "\n".join(line for line in lines if not line.startswith("//# sourceMappingURL"))


@cache
def _asset(name: str) -> str:
    return files(__package__).joinpath("assets", name).read_text("utf-8")


@cache
def _vendored(name: str) -> str:
    return files(__package__).joinpath("vendor", name).read_text("utf-8")
