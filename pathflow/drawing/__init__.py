"""Layouts and texts of pictures: labels, edges and numbers in, positions out; nothing is drawn."""

from ._arrange import arrange as arrange
from ._labelled import Key as Key
from ._labelled import Labelled as Labelled
from ._labelled import index_text as index_text
from ._layout import Layout as Layout
from ._longest_path import longest_path_layers as longest_path_layers
from ._style import ALARM as ALARM
from ._style import BAND as BAND
from ._style import EDGE_WIDTHS as EDGE_WIDTHS
from ._style import FAINT as FAINT
from ._style import FONT_SIZE as FONT_SIZE
from ._style import INK as INK
from ._style import NEGATIVE as NEGATIVE
from ._style import PATH_COLOURS as PATH_COLOURS
from ._style import PATH_WIDTH as PATH_WIDTH
from ._style import POSITIVE as POSITIVE
from ._style import VISIBLE as VISIBLE
from ._style import edge_colour as edge_colour
from ._style import sign_colours as sign_colours
from ._text import compact as compact
from ._text import short_integer as short_integer
from ._text import short_number as short_number
from ._text import shortened as shortened
from ._time_layers import time_layers as time_layers
