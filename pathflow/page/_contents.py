"""What a page shows: graphs, numbers and words, whatever results they come from.

Every array of numbers has a leading axis of rows: one row, or one per example of a batch.
"""

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float

from pathflow.graph import Edge, Node, PathSpace

# Rows of numbers; how many numbers is for each to say.
Numbers = Float[np.ndarray, "rows _"]


@final
@dataclass(frozen=True, eq=False)
class Unseen:
    """What is known of the paths outside a list.

    Attributes:
        count: how many they are.
        sums: the sum of their influences, for each row.
        bound: the most that one of them can have, in the order of the list; infinite if unknown.
        exact: whether the list is complete in that order.
    """

    count: int
    sums: Float[np.ndarray, " rows"]
    bound: float
    exact: bool


@final
@dataclass(frozen=True, eq=False)
class PathTable:
    """Paths with their influences.

    Attributes:
        space: the paths.
        influences: `(rows, n)`, finite.
        ranks: of the listed paths; None where all paths are there, in the order of their ranks.
        unseen: of the paths that are not listed; None where all are.
    """

    space: PathSpace
    influences: Numbers
    ranks: tuple[int, ...] | None = None
    unseen: Unseen | None = None


@final
@dataclass(frozen=True, eq=False)
class FlowTable:
    """What flows through nodes and along edges.

    Attributes:
        nodes: the nodes.
        through: `(rows, nodes)`.
        edges: pairs of the nodes; none where edges are not known.
        along: `(rows, edges)`.
    """

    nodes: tuple[Node, ...]
    through: Numbers
    edges: tuple[Edge, ...]
    along: Numbers


@final
@dataclass(frozen=True, eq=False)
class Classes:
    """Sums over classes of paths.

    Attributes:
        names: the classes, the rest among them.
        influences: `(rows, classes)`.
        counts: how many paths each has; None where unknown.
        overlapping: whether some path is in several.
    """

    names: tuple[str, ...]
    influences: Numbers
    counts: tuple[int, ...] | None
    overlapping: bool


@final
@dataclass(frozen=True, eq=False)
class Parts:
    """What the parts of a node carry on some paths.

    Attributes:
        node: the divided node.
        paths: which paths, as text.
        names: of the parts.
        influences: `(rows, parts)`.
    """

    node: Node
    paths: str
    names: tuple[str, ...]
    influences: Numbers


@final
@dataclass(frozen=True, eq=False)
class Sheet:
    """One result: what it is about, its numbers, and how far they can be trusted.

    Attributes:
        heading: what was asked, in words.
        totals: the influence of all paths, for each row.
        batched: whether rows are examples.
        trusted: whether the result's own check passed.
        audit: that check, in plain sentences.
        paths: the paths, where the result has them.
        flows: what flows where, when paths do not say it.
        classes: sums over classes, where the result is about them.
        parts: divided nodes.
        examples: names of the examples; their numbers by default.
        columns: what to write under the columns instead of the loop index.
    """

    heading: str
    totals: Float[np.ndarray, " rows"]
    batched: bool
    trusted: bool
    audit: tuple[str, ...]
    paths: PathTable | None = None
    flows: FlowTable | None = None
    classes: Classes | None = None
    parts: tuple[Parts, ...] = ()
    examples: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
