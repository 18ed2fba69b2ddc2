"""Labels along axes, as many as there is room for."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pathflow.drawing import FONT_SIZE, shortened

from ._matplotlib import matplotlib, plain, size_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Of the font's size: from line to line, and between words side by side.
_LINE, _GAP = 1.35, 1.0
# Widths are measured of so many of the labels, the longest by letters.
_MEASURED = 8


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
    line, widest = _LINE * FONT_SIZE, _widest(texts) + _GAP * FONT_SIZE
    room = size_of(ax)[0]
    # A line of steps' numbers is thinned; words are turned, since each says something of its own.
    numbers = all(text.replace(".", "").isdigit() or not text for text in texts)
    turned = widest * len(texts) > room and not numbers
    ax.tick_params(axis="x", labelrotation=90 if turned else 0)
    _label(ax.xaxis, texts, line if turned else widest, 0)


def label_rows(ax: "Axes", labels: Sequence[str], most: int = 32) -> None:
    """Writes labels beside the rows 0, 1, 2 and so on; see `label_columns`."""
    _label(ax.yaxis, [plain(shortened(label, most)) for label in labels], _LINE * FONT_SIZE, 1)


def _label(axis: Any, texts: Sequence[str], needed: float, side: int) -> None:
    ticker = matplotlib("ticker")

    class Thinned(ticker.Locator):
        """Every n-th place, for the smallest n whose labels have room."""

        def __call__(self) -> list[int]:
            low, high = sorted(axis.get_view_interval())
            pitch = size_of(axis.axes)[side] / ((high - low) or 1.0)
            step = max(1, math.ceil(needed / pitch)) if pitch > 0 else len(texts)
            return list(range(0, len(texts), step))

        def tick_values(self, vmin: float, vmax: float) -> list[int]:
            return [i for i in self() if vmin <= i <= vmax]

    def write(place: float, _: object) -> str:
        at = round(place)
        return texts[at] if 0 <= at < len(texts) else ""

    axis.set_major_locator(Thinned())
    axis.set_major_formatter(ticker.FuncFormatter(write))


def _widest(texts: Sequence[str]) -> float:
    """The width of the widest text, in points."""
    text_path = matplotlib("textpath").TextPath
    longest = sorted({t for t in texts if t.strip()}, key=len)[-_MEASURED:]
    return max(
        (text_path((0, 0), t, size=FONT_SIZE).get_extents().width for t in longest), default=0
    )
