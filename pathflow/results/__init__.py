"""What an attribution found, as data: influences by path, tables of them, and the audit."""

from ._aggregation import Aggregation as Aggregation
from ._aggregation import check_names as check_names
from ._attribution import Attribution as Attribution
from ._audit import Audit as Audit
from ._conductances import Conductances as Conductances
from ._conductances import EdgeInfluence as EdgeInfluence
from ._conductances import NodeInfluence as NodeInfluence
from ._faithfulness import Faithfulness as Faithfulness
from ._interval import Interval as Interval
from ._labels import path_labels as path_labels
from ._order import AbstractOrder as AbstractOrder
from ._order import Largest as Largest
from ._order import Magnitude as Magnitude
from ._order import Smallest as Smallest
from ._part_table import PartTable as PartTable
from ._ranked import Certificate as Certificate
from ._ranked import Ranked as Ranked
from ._refinement import PartInfluence as PartInfluence
from ._refinement import Refinement as Refinement
from ._sampled import Sampled as Sampled
from ._storable import Storable as Storable
from ._storable import load as load
from ._stored import register_stored as register_stored
from ._table import PathInfluence as PathInfluence
from ._table import shares_of as shares_of
from ._table import signed_sums as signed_sums
