"""Figures of results, drawn with matplotlib (the extra `plot`)."""

from ._compare import compare_graphs as compare_graphs
from ._compare import compare_paths as compare_paths
from ._curves import concentration_curve as concentration_curve
from ._curves import faithfulness_curve as faithfulness_curve
from ._heatmap import unit_heatmap as unit_heatmap
from ._layered import layered_graph as layered_graph
from ._ranked import ranked_paths as ranked_paths
