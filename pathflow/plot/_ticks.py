"""Labels along axes, as many as there is room for."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pathflow.drawing import FONT_SIZE, INK, shortened

from ._matplotlib import matplotlib, plain, size_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Of the font's size: from line to line, and between words side by side.
_LINE, _GAP = 1.35, 1.0
# Widths are measured of so many of the labels, the longest by letters.
_MEASURED = 8
ROW_LETTERS = 32


def label_columns(ax: "Axes", labels: Sequence[str], most: int = 20) -> None:
    """Writes labels under the columns 0, 1, 2 and so on.

    They stand upright where they do not fit side by side, and every other one, third one and so on
    is left out where they do not fit at all, also when the axes change their size later.

    Arguments:
        ax: the axes.
        labels: one per column.
        most: how many letters; of longer ones the middle is left out.
    """
    texts = [plain(shortened(label, most)) for label in labels]
    line, wide = _LINE * FONT_SIZE, widest(texts) + _GAP * FONT_SIZE
    room = size_of(ax)[0]
    # A line of steps' numbers is thinned; words are turned, since each says something of its own.
    numbers = all(text.replace(".", "").isdigit() or not text for text in texts)
    turned = wide * len(texts) > room and not numbers
    ax.tick_params(axis="x", labelrotation=90 if turned else 0)
    _label(ax.xaxis, texts, line if turned else wide, 0)


def label_rows(ax: "Axes", labels: Sequence[str], most: int = ROW_LETTERS) -> None:
    """Writes labels beside the rows 0, 1, 2 and so on; see `label_columns`."""
    _label(ax.yaxis, [plain(shortened(label, most)) for label in labels], _LINE * FONT_SIZE, 1)


def _label(axis: Any, texts: Sequence[str], needed: float, side: int) -> None:
    ticker = matplotlib("ticker")

    class Thinned(ticker.Locator):
        """Every n-th place, for the smallest n whose labels have room."""

        def __call__(self) -> list[int]:
            low, high = sorted(axis.get_view_interval())
            pitch = max(size_of(axis.axes)[side], 1.0) / ((high - low) or 1.0)
            return list(range(0, len(texts), _round_step(needed / pitch)))

        def tick_values(self, vmin: Any, vmax: Any) -> list[int]:
            return [i for i in self() if vmin <= i <= vmax]

    def write(place: Any, _: object) -> str:
        at: int = round(place)
        return texts[at] if 0 <= at < len(texts) else ""

    axis.set_major_locator(Thinned())
    axis.set_major_formatter(ticker.FuncFormatter(write))


def _round_step(least: float) -> int:
    """The first of 1, 2, 5, 10, 20 and so on that is no smaller."""
    power = 10 ** max(0, math.floor(math.log10(max(least, 1.0))))
    return next(power * i for i in (1, 2, 5, 10, 20) if power * i >= least)


def write_below(ax: "Axes", lines: Sequence[str], facts: Sequence[str], room: float = 1.1) -> None:
    """Writes lines under an axis, and under them facts: in one line where they have room.

    Arguments:
        ax: the axes.
        lines: the first is the axis' name.
        facts: short texts that belong together.
        room: of the axes' width now, how much is free: what stands beside them makes them narrower,
            and is room for the text.
    """
    together = " · ".join(facts)
    fits = widest([together]) <= room * size_of(ax)[0]
    text = "\n".join([*lines, *([together] if fits else facts)])
    ax.set_xlabel(plain(text), fontsize=FONT_SIZE, color=INK, linespacing=1.5)


def widest(texts: Sequence[str]) -> float:
    """The width of the widest text, in points."""
    text_path = matplotlib("textpath").TextPath
    longest = sorted({t for t in texts if t.strip()}, key=len)[-_MEASURED:]
    return max(
        (text_path((0, 0), t, size=FONT_SIZE).get_extents().width for t in longest), default=0.0
    )
