"""Statistics of a path over many sentences: arrays of influences in, or results one by one."""

from pathflow.results import Interval as Interval

from ._bootstrap import bootstrap_interval as bootstrap_interval
from ._concentration import concentration as concentration
from ._concentration import concentrations as concentrations
from ._concentration import effective_number as effective_number
from ._concentration import effective_numbers as effective_numbers
from ._paths import negative_share as negative_share
from ._paths import negative_shares as negative_shares
from ._paths import positive_fraction as positive_fraction
from ._paths import positive_share as positive_share
from ._paths import positive_shares as positive_shares
from ._paths import rank_of as rank_of
from ._paths import t_value as t_value
from ._paths import t_values as t_values
from ._statistics import PathStatistics as PathStatistics
from ._statistics import SentenceStatistics as SentenceStatistics
from ._summary import PathSummary as PathSummary
