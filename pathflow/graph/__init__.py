"""Graphs and path arithmetic: NumPy and networkx only, no JAX."""

from ._graph import Edge as Edge
from ._graph import Graph as Graph
from ._node import Node as Node
from ._path import Path as Path
from ._path import PathLike as PathLike
from ._space import PathSpace as PathSpace
from ._table import NodeLike as NodeLike
