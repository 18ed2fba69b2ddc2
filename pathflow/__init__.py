"""Differentiate along paths: how much of a quantity flows through which path of a JAX function,
exactly.

The reference models are in `pathflow.models` and the figures in `pathflow.plot`, which are imported
by name; all the rest is here.
"""

from ._errors import ArgumentError as ArgumentError
from ._errors import CheckpointError as CheckpointError
from ._errors import DecisionChangedError as DecisionChangedError
from ._errors import GraphError as GraphError
from ._errors import MissingDependencyError as MissingDependencyError
from ._errors import NonFiniteError as NonFiniteError
from ._errors import NoPathError as NoPathError
from ._errors import NotDifferentiableError as NotDifferentiableError
from ._errors import PathflowError as PathflowError
from ._errors import ShapeError as ShapeError
from ._errors import TooManyPathsError as TooManyPathsError
from ._errors import TraceError as TraceError
from ._errors import UnknownNodeError as UnknownNodeError
from .graph import Graph as Graph
from .graph import Node as Node
from .graph import Path as Path
from .graph import PathSpace as PathSpace

__version__ = "0.1.0"
