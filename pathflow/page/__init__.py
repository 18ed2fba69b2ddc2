"""The interactive page: influences in, one HTML file that needs no network out."""

from ._contents import Classes as Classes
from ._contents import FlowTable as FlowTable
from ._contents import Parts as Parts
from ._contents import PathTable as PathTable
from ._contents import Sheet as Sheet
from ._contents import Unseen as Unseen
from ._page import make_page as make_page
