"""The look of the figures: colours that stay apart for colour-blind readers, sizes in points."""

# Okabe and Ito's palette (2008), strongest contrasts first; paths take the colours in this order.
PATH_COLOURS = ("#d55e00", "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9")

# Brewer's purple-green, whose ends differ in lightness as well as in hue for every kind of colour
# vision, and whose hues are none of the first two paths'.
SIGN_COLOURS = "PRGn"

INK = "#333333"
FAINT = "#c9c9c9"
BAND = "#f4f4f4"
EDGE_WIDTHS = (0.5, 7.0)
PATH_WIDTH = 2.6
FONT_SIZE = 9.0
