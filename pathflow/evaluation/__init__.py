"""Values of nodes and their local partials at given arguments, compiled once per class."""

from ._activations import Activations as Activations
from ._activations import Edge as Edge
from ._activations import JointEdge as JointEdge
from ._activations import edge_partials as edge_partials
from ._activations import joint_partial as joint_partial
from ._activations import local_partial as local_partial
from ._activations import value_ancestors as value_ancestors
from ._arguments import MATMUL_PRECISION as MATMUL_PRECISION
from ._arguments import check_concrete as check_concrete
from ._arguments import check_examples as check_examples
from ._arguments import first_example as first_example
from ._arguments import flat_arguments as flat_arguments
from ._kernel import Applied as Applied
from ._kernel import Flags as Flags
from ._kernel import added as added
from ._kernel import chain as chain
from ._kernel import crosser as crosser
from ._kernel import flags_of as flags_of
from ._kernel import lift as lift
from ._kernel import mover as mover
from ._kernel import pieces as pieces
from ._kernel import together as together
from ._live import LivePaths as LivePaths
from ._live import live_paths as live_paths
from ._node_runner import NodeRunner as NodeRunner
