"""The look of pictures: colours that stay apart for colour-blind readers, sizes in points."""

import numpy as np
from jaxtyping import Float64

# Okabe and Ito's palette (2008), strongest contrasts first; paths take the colours in this order.
PATH_COLOURS = ("#d55e00", "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9")

# Brewer's purple-green, whose ends differ in lightness as well as in hue for every kind of colour
# vision, and whose hues are none of the first two paths'. Most negative first, nothing in the
# middle.
SIGN_COLOURS = (
    *("#40004b", "#762a83", "#9970ab", "#c2a5cf", "#e7d4e8", "#f7f7f7"),
    *("#d9f0d3", "#a6dba0", "#5aae61", "#1b7837", "#00441b"),
)

NEGATIVE, POSITIVE = SIGN_COLOURS[1], SIGN_COLOURS[-2]
INK = "#333333"
FAINT = "#c9c9c9"
BAND = "#f4f4f4"
ALARM = "#b10026"
EDGE_WIDTHS = (0.5, 7.0)
PATH_WIDTH = 2.6
FONT_SIZE = 9.0

# An edge under this fraction of the largest flow is drawn as carrying nothing.
VISIBLE = 0.02
# Half the width of the middle of the colours, 1 being all of them, that is too pale for lines.
_PALE = 0.13


def sign_colours(n: int, *, lines: bool = False) -> Float64[np.ndarray, "n 3"]:
    """Colours from the most negative to the most positive, red, green and blue from 0 to 1.

    Arguments:
        n: how many; even for lines.
        lines: leaves out the pale middle, in which thin lines would vanish.
    """
    ends = np.linspace(0.0, 1.0, n)
    if lines:
        half = np.linspace(0.0, 0.5 - _PALE, n // 2)
        ends = np.concatenate([half, 1 - half[::-1]])
    stops = np.array([[int(c[i : i + 2], 16) / 255 for i in (1, 3, 5)] for c in SIGN_COLOURS])
    at = np.linspace(0.0, 1.0, len(stops))
    return np.stack([np.interp(ends, at, channel) for channel in stops.T], axis=-1)


def edge_colour(weight: float) -> str:
    """The colour of an edge, as `#rrggbb`.

    Arguments:
        weight: its influence over the largest in size, from -1 to 1.
    """
    if abs(weight) <= VISIBLE:
        return FAINT
    colours = sign_colours(256, lines=True)
    at = min(max(round((weight + 1) / 2 * 255), 0), 255)
    return "#" + "".join(f"{round(255 * c):02x}" for c in colours[at])
