"""Differentiate along paths: how much of a quantity flows through which path of a JAX function,
exactly.

The reference models are in `pathflow.models` and the figures in `pathflow.plot`, which are imported
by name; all the rest is here.
"""

from . import metrics as metrics
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
from ._version import __version__ as __version__
from .graph import Graph as Graph
from .graph import Node as Node
from .graph import Path as Path
from .graph import PathSpace as PathSpace
from .influence import AbstractSearch as AbstractSearch
from .influence import Enumerate as Enumerate
from .influence import attribute as attribute
from .interest import AbstractDoI as AbstractDoI
from .interest import AbstractQoI as AbstractQoI
from .interest import AbstractRule as AbstractRule
from .interest import Custom as Custom
from .interest import DiscreteGauss as DiscreteGauss
from .interest import DoIPoints as DoIPoints
from .interest import Gaussian as Gaussian
from .interest import GaussLegendre as GaussLegendre
from .interest import Line as Line
from .interest import Logit as Logit
from .interest import LogitDifference as LogitDifference
from .interest import Midpoint as Midpoint
from .interest import Point as Point
from .interest import RightRiemann as RightRiemann
from .interest import Samples as Samples
from .interest import SetDifference as SetDifference
from .interest import Trapezoid as Trapezoid
from .results import AbstractOrder as AbstractOrder
from .results import Aggregation as Aggregation
from .results import Attribution as Attribution
from .results import Audit as Audit
from .results import Largest as Largest
from .results import Magnitude as Magnitude
from .results import PathInfluence as PathInfluence
from .results import Smallest as Smallest
from .tracing import AbstractNodeSelector as AbstractNodeSelector
from .tracing import Tagged as Tagged
from .tracing import TracedGraph as TracedGraph
from .tracing import tag as tag
from .tracing import tagged as tagged
from .tracing import trace as trace
