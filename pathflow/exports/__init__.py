"""Results as files and graphs of other programs: Parquet, CSV, JSON, networkx, GraphML, and the
JSON of viewers of attribution graphs.

Data frames and datasets in memory are methods of most results, `to_pandas` and `to_xarray`; of a
`Sampled` and a `Run` there are files alone.
"""

from ._attribution_graph import attribution_graph as attribution_graph
from ._attribution_graph import write_attribution_graph as write_attribution_graph
from ._csv import write_csv as write_csv
from ._facts import facts_of as facts_of
from ._facts import json_number as json_number
from ._facts import json_text as json_text
from ._graph import to_networkx as to_networkx
from ._graphml import write_graphml as write_graphml
from ._json import json_rows as json_rows
from ._json import write_json as write_json
from ._parquet import write_parquet as write_parquet
