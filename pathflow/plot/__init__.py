"""Figures of results, drawn with matplotlib (the extra `plot`)."""

from ._flow import edge_influences as edge_influences
from ._layered import layered_graph as layered_graph
from ._ranked import ranked_paths as ranked_paths
