"""What each kind of result consists of, in a run directory."""

from typing import Any

import numpy as np

from pathflow._errors import StorageError
from pathflow.graph import PathSpace

from ._aggregation import Aggregation
from ._attribution import Attribution
from ._audit import Audit
from ._conductances import Conductances
from ._faithfulness import Faithfulness
from ._field import (
    CLASSES,
    COUNT,
    COUNTS,
    EDGES,
    FLAG,
    FLOATS,
    INTEGERS,
    KNOWN,
    NODES,
    NUMBER,
    NUMBERS,
    POSITIVE,
    TABLE,
    TEXT,
    TEXTS,
    an,
    optional,
    several,
)
from ._packing import register_stored
from ._part_table import PartTable
from ._ranked import Certificate, Ranked
from ._refinement import Refinement
from ._sampled import Sampled

_COMMON = {"audit": an(Audit, "an audit"), "metadata": TABLE}
_SPACE = an(PathSpace, "a space of paths")


def _check_batch(result: Any) -> None:
    """Refuses an audit of another number of examples than the result's."""
    lead = () if result.n_examples is None else (result.n_examples,)
    audit = result.audit
    for name in ("structural", "reference_total", "quadrature"):
        if np.shape(getattr(audit, name)) not in ((), lead):
            raise StorageError(
                f"audit.{name} has shape {np.shape(getattr(audit, name))} for a result of the "
                f"examples {lead}"
            )


def _check_ranks(result: Any) -> None:
    """Refuses ranks that are no path's, beside what `_check_batch` does."""
    _check_batch(result)
    largest = max((*result.ranks, *getattr(result, "known", ())), default=0)
    if largest >= result.space.count:
        raise StorageError(f"rank {largest} is none of {result.space.count} paths")


register_stored(
    "audit",
    Audit,
    {
        "structural": NUMBERS,
        "reference_total": NUMBERS,
        "quadrature": optional(NUMBERS),
        "n_steps": POSITIVE,
        "blocked": TEXTS,
        "dtype": TEXT,
        "scale": TEXT,
    },
)
register_stored(
    "certificate",
    Certificate,
    {
        "exact": FLAG,
        "bound": NUMBER,
        "unseen_sum": NUMBERS,
        "unseen_count": COUNT,
        "followed": COUNT,
    },
)
register_stored(
    "parts",
    PartTable,
    {"nodes": NODES, "names": several(TEXTS, "a tuple of texts each"), "chosen": INTEGERS},
)
register_stored(
    "attribution",
    Attribution,
    {"space": _SPACE, "influences": FLOATS, **_COMMON},
    check=_check_batch,
)
register_stored(
    "ranked",
    Ranked,
    {
        "space": _SPACE,
        "ranks": COUNTS,
        "influences": FLOATS,
        "certificate": an(Certificate, "a certificate"),
        **_COMMON,
    },
    check=_check_ranks,
)
register_stored(
    "aggregation",
    Aggregation,
    {
        "names": TEXTS,
        "parts": CLASSES,
        "amounts": FLOATS,
        "part_counts": optional(COUNTS),
        **_COMMON,
    },
    check=_check_batch,
)
register_stored(
    "conductances",
    Conductances,
    {
        "nodes": NODES,
        "node_influences": FLOATS,
        "edges": optional(EDGES),
        "edge_influences": optional(FLOATS),
        "totals": NUMBERS,
        **_COMMON,
    },
    check=_check_batch,
)
register_stored(
    "sampled",
    Sampled,
    {
        "space": _SPACE,
        "count": COUNT,
        "ranks": COUNTS,
        "influences": FLOATS,
        "weights": FLOATS,
        "total": NUMBERS,
        "known": KNOWN,
        "head": optional(an(Ranked, "a list of paths")),
        **_COMMON,
    },
    check=_check_ranks,
)
register_stored(
    "refinement",
    Refinement,
    {
        "paths": TEXT,
        "table": an(PartTable, "a table of parts"),
        "influences": FLOATS,
        "parent": NUMBERS,
        "n_zeros": COUNT,
        **_COMMON,
    },
    check=_check_batch,
)
register_stored(
    "faithfulness",
    Faithfulness,
    {
        "sizes": INTEGERS,
        "kept": FLOATS,
        "full": FLOATS,
        "empty": FLOATS,
        "ranking": TEXTS,
        "batched": FLAG,
    },
)
