"""Small pieces of HTML and SVG that hold any text."""

import html
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from ._style import NEGATIVE, POSITIVE

_CELL = "padding:2px 10px;white-space:nowrap;border:none;"
_BAR = 90


def escaped(text: str) -> str:
    """A text as markup that shows it and does nothing else.

    Control characters, which no markup may hold, and those that turn the direction of writing are
    shown as replacement characters.
    """
    shown = "".join("\ufffd" if unicodedata.category(c) in _HIDDEN else c for c in text)
    return html.escape(shown, quote=True)


_HIDDEN = frozenset(("Cc", "Cf", "Cs"))


@dataclass(frozen=True)
class Text:
    """A cell with a text.

    Arguments:
        text: anything.
        right: whether it is a number, which stands on the right.
    """

    text: str
    right: bool = False

    def markup(self) -> str:
        """The inside of the cell."""
        return escaped(self.text)


@dataclass(frozen=True)
class BarCell:
    """A cell with a bar.

    Arguments:
        weight: its length and side, from -1 to 1; NaN has no bar.
        origin: where in the cell 0 is: from 0, at the left, to 1.
    """

    weight: float
    origin: float = 0.5
    right: bool = False

    def markup(self) -> str:
        """The inside of the cell."""
        weight = min(max(self.weight, -1.0), 1.0) if self.weight == self.weight else 0.0
        zero = _BAR * self.origin
        length = abs(weight) * max(zero, _BAR - zero)
        start = zero - length if weight < 0 else zero
        return (
            f'<svg width="{_BAR}" height="11" viewBox="0 0 {_BAR} 11" aria-hidden="true">'
            f'<rect x="{start:.1f}" y="1" width="{length:.1f}" height="9" '
            f'fill="{NEGATIVE if weight < 0 else POSITIVE}"/>'
            f'<path d="M{zero:.1f} 0V11" stroke="currentColor" stroke-width="0.7"/></svg>'
        )


Cell = Text | BarCell


def table(heads: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    """An HTML table without a script or a class.

    Arguments:
        heads: what the columns are called.
        rows: as many cells each.
    """
    sides = ["right" if rows and rows[0][i].right else "left" for i in range(len(heads))]
    head = "".join(
        f'<th style="{_CELL}text-align:{side};">{escaped(text)}</th>'
        for text, side in zip(heads, sides, strict=True)
    )
    lines = [
        "".join(
            f'<td style="{_CELL}text-align:{side};">{cell.markup()}</td>'
            for cell, side in zip(row, sides, strict=True)
        )
        for row in rows
    ]
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return (
        '<table style="border-collapse:collapse;font-size:90%;margin:4px 0;">'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )


def heading(name: str, text: str) -> str:
    """What is shown, in one line."""
    return f"<div><b>{escaped(name)}</b> {escaped(text)}</div>"


def lines(text: str) -> str:
    """A text of several lines, in small print and with its blanks."""
    return (
        '<pre style="font-size:85%;margin:4px 0;padding:0;background:none;line-height:1.35;'
        f'white-space:pre-wrap;">{escaped_lines(text)}</pre>'
    )


def escaped_lines(text: str) -> str:
    """As `escaped`, with the ends of lines kept."""
    return "\n".join(map(escaped, text.split("\n")))
