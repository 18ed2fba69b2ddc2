"""From a JAX function to a graph of named nodes with one function each (Definition 5)."""

from pathflow.tracing._context import Value as Value
from pathflow.tracing._contract import NodeFunction as NodeFunction
from pathflow.tracing._flows import jaxpr_flows as jaxpr_flows
from pathflow.tracing._joint import JointPartial as JointPartial
from pathflow.tracing._mix import LANES as LANES
from pathflow.tracing._mix import mix as mix
from pathflow.tracing._node_class import FORWARD_ONLY as FORWARD_ONLY
from pathflow.tracing._node_class import REVERSE_ONLY as REVERSE_ONLY
from pathflow.tracing._node_class import NodeClass as NodeClass
from pathflow.tracing._node_class import holds as holds
from pathflow.tracing._partial import LocalPartial as LocalPartial
from pathflow.tracing._program import Program as Program
from pathflow.tracing._program import make_program as make_program
from pathflow.tracing._select_nodes import AbstractNodeSelector as AbstractNodeSelector
from pathflow.tracing._select_nodes import Tagged as Tagged
from pathflow.tracing._select_nodes import tagged as tagged
from pathflow.tracing._sites import QOI_NAME as QOI_NAME
from pathflow.tracing._sparsity import Sparsity as Sparsity
from pathflow.tracing._sparsity import sparsity_of as sparsity_of
from pathflow.tracing._sparsity import sparsity_rule as sparsity_rule
from pathflow.tracing._substitute import substituted as substituted
from pathflow.tracing._tag import tag as tag
from pathflow.tracing._trace import TracedGraph as TracedGraph
from pathflow.tracing._trace import trace as trace
from pathflow.tracing._zeros import zero_partial as zero_partial
from pathflow.tracing._zeros import zero_slots as zero_slots
