"""Layouts and texts of pictures: labels, edges and numbers in, positions out; nothing is drawn."""

from ._arrange import arrange as arrange
from ._labelled import Key as Key
from ._labelled import Labelled as Labelled
from ._layout import Layout as Layout
from ._longest_path import longest_path_layers as longest_path_layers
from ._text import compact as compact
from ._text import shortened as shortened
from ._time_layers import time_layers as time_layers
