"""What each kind of result consists of, in a run directory."""

from ._aggregation import Aggregation
from ._attribution import Attribution
from ._audit import Audit
from ._conductances import Conductances
from ._faithfulness import Faithfulness
from ._packing import register_stored
from ._part_table import PartTable
from ._ranked import Certificate, Ranked
from ._refinement import Refinement
from ._sampled import Sampled

_COMMON = ("audit", "metadata")

register_stored(
    "audit",
    Audit,
    ("structural", "reference_total", "quadrature", "n_steps", "blocked", "dtype", "scale"),
)
register_stored(
    "certificate",
    Certificate,
    ("exact", "bound", "unseen_sum", "unseen_count", "followed"),
)
register_stored("parts", PartTable, ("nodes", "names", "chosen"))
register_stored("attribution", Attribution, ("space", "influences", *_COMMON))
register_stored("ranked", Ranked, ("space", "ranks", "influences", "certificate", *_COMMON))
register_stored("aggregation", Aggregation, ("names", "parts", "amounts", "part_counts", *_COMMON))
register_stored(
    "conductances",
    Conductances,
    ("nodes", "node_influences", "edges", "edge_influences", "totals", *_COMMON),
)
register_stored(
    "sampled",
    Sampled,
    ("space", "count", "ranks", "influences", "weights", "total", "known", "head", *_COMMON),
)
register_stored(
    "refinement", Refinement, ("paths", "table", "influences", "parent", "n_zeros", *_COMMON)
)
register_stored(
    "faithfulness", Faithfulness, ("sizes", "kept", "full", "empty", "ranking", "batched")
)
