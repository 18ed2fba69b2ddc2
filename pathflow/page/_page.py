"""The whole page: what fits is chosen, and put into one file with all that shows it."""

import base64
import hashlib
import html
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from pathflow._errors import ArgumentError
from pathflow._version import __version__

from ._contents import Sheet
from ._embed import Spaces, embed
from ._encode import safe_json
from ._level import Level

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
    page, level = "", _LEVELS[0]
    for level in _levels(sheets):
        # The numbers alone tell of most levels that they are too much; no page is made for those.
        page = _document(sheets, title, level) if _least_size(sheets, level) <= max_bytes else ""
        if page and _size(page) <= max_bytes:
            return page
    page = page or _document(sheets, title, level)
    raise ArgumentError(
        f"max_bytes={max_bytes} is too little: with the {_FEWEST} largest paths of each result the "
        f"whole page takes {_size(page)}; allow that much, or show fewer results."
    )


def _size(page: str) -> int:
    """The bytes of a page's file."""
    return len(page.encode("utf-8", "backslashreplace"))


def _levels(sheets: Mapping[str, Sheet]) -> Iterator[Level]:
    """What may be left out, from nothing to all but a few paths."""
    yield from _LEVELS
    tables = [s.paths for s in sheets.values() if s.paths is not None]
    most = max((t.influences.shape[1] for t in tables), default=0)
    while most > _FEWEST:
        most = max(_FEWEST, most // 2)
        yield Level(examples=False, double=False, paths=most)


def _least_size(sheets: Mapping[str, Sheet], level: Level) -> int:
    """What a page takes at least: the numbers of its paths."""
    return sum(level.size(s.paths) for s in sheets.values() if s.paths is not None)


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
    return files("pathflow.page").joinpath("assets", name).read_text("utf-8")


@cache
def _vendored(name: str) -> str:
    return files("pathflow.page").joinpath("vendor", name).read_text("utf-8")
