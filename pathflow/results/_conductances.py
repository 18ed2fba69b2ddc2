"""The influences through nodes and along edges."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, final

import numpy as np
from jaxtyping import Float, Float64

from pathflow._errors import ArgumentError, GraphError, NonFiniteError, ShapeError
from pathflow.drawing import AbstractDisplayed, Page
from pathflow.graph import Node, NodeLike, NodeTable
from pathflow.page import FlowTable, Sheet

from ._amount import Amount, amount, batch_size, check_example, means_of
from ._audit import Audit
from ._checked import check_floating, check_metadata
from ._html import Paged
from ._order import AbstractOrder, Magnitude
from ._pages import SHOWN, examples_text, influence_table, page
from ._pytree import register_result
from ._sheet import make_sheet, rows_of, sheet_of
from ._storable import Storable
from ._table import pandas_module, top_ranks
from ._xarray import data_set, text_array

Edge = tuple[Node, Node]


@final
@dataclass(frozen=True)
class NodeInfluence:
    """One node of a list.

    Attributes:
        node: the node.
        influence: that of all paths through it; over a batch, the mean.
        share: its part of the total, over a batch of the mean total; NaN for a total of 0.
    """

    node: Node
    influence: float
    share: float

    def __str__(self) -> str:
        return f"{self.influence:+.4g}  {self.share:6.1%}  {self.node}"


@final
@dataclass(frozen=True)
class EdgeInfluence:
    """One edge of a list.

    Attributes:
        edge: its two nodes.
        influence: that of all paths along it; over a batch, the mean.
        share: its part of the total, over a batch of the mean total; NaN for a total of 0.
    """

    edge: Edge
    influence: float
    share: float

    def __str__(self) -> str:
        return f"{self.influence:+.4g}  {self.share:6.1%}  {self.edge[0]} -> {self.edge[1]}"


@final
@dataclass(frozen=True, eq=False, repr=False)
class Conductances(Storable, Paged, AbstractDisplayed):
    """How much influence flows through every node and along every edge, on the paths of a pattern.

    A path counts at each of its nodes and edges, so these numbers overlap. What flows out of the
    sources is the total, and so is what flows into the target; at any other node as much flows in
    as out.

    A pytree: the influences, totals and the audit's arrays are leaves, all else is static.

    Arguments:
        nodes: the nodes.
        node_influences: through each of them, `(nodes,)`, or `(B, nodes)` for a batch of B
            examples.
        edges: pairs of those nodes; None where edges were not asked for.
        edge_influences: along each of them, `(edges,)` or `(B, edges)`; None without edges.
        totals: the influence of all paths of the pattern, `()` or `(B,)`.
        audit: the residuals.
        metadata: how the result came about; anything that JSON can hold.

    Raises:
        ShapeError: the arrays do not fit each other.
        GraphError: a node or an edge comes twice.
        UnknownNodeError: an edge has an end that is not among the nodes.
        ArgumentError: the metadata is no JSON.

    Example:
        result.through("c1@3") / result.total
        result.along("c0@2", "h0@2")
        result.top_edges(10)
    """

    nodes: tuple[Node, ...]
    node_influences: Float[np.ndarray, "*B nodes"]
    edges: tuple[Edge, ...] | None
    edge_influences: Float[np.ndarray, "*B edges"] | None
    totals: Float[np.ndarray, "*B"]
    audit: Audit
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        batch = np.shape(self.totals)
        self._check("node_influences", self.node_influences, (*batch, len(self.nodes)))
        if (self.edges is None) != (self.edge_influences is None):
            raise ShapeError("edges and edge_influences are given together, or neither is.")
        if self.edges is not None:
            self._check("edge_influences", self.edge_influences, (*batch, len(self.edges)))
            if len(self._edge_positions) < len(self.edges):
                raise GraphError("edges holds an edge more than once; list every edge once.")
        # Looking a node up finds nodes that come twice.
        _ = self._table
        check_metadata(self.metadata)

    @staticmethod
    def _check(name: str, values: Any, shape: tuple[int, ...]) -> None:
        if np.shape(values) != shape:
            raise ShapeError(f"{name} has shape {np.shape(values)}; give {shape}, to fit the rest.")
        check_floating(name, values)

    @cached_property
    def _table(self) -> NodeTable:
        return NodeTable(self.nodes)

    @cached_property
    def _edge_positions(self) -> dict[tuple[int, int], int]:
        of = self._table.position
        return {(of(u), of(v)): i for i, (u, v) in enumerate(self._known_edges())}

    def _known_edges(self) -> tuple[Edge, ...]:
        if self.edges is None:
            raise ArgumentError(
                "this result holds no edges: only the influences through nodes were computed."
            )
        return self.edges

    @property
    def n_examples(self) -> int | None:
        """The number of examples, or None without an axis of examples."""
        return len(self.totals) if np.ndim(self.totals) else None

    @property
    def total(self) -> Amount:
        """The influence of all paths of the pattern."""
        return amount(np.asarray(self.totals, np.float64))

    def through(self, node: NodeLike) -> Amount:
        """The influence of the pattern's paths through a node.

        Raises:
            UnknownNodeError: the result has no such node.
        """
        values = np.asarray(self.node_influences, np.float64)
        return amount(values[..., self._table.position(node)])

    def along(self, u: NodeLike, v: NodeLike) -> Amount:
        """The influence of the pattern's paths along the edge `u -> v`.

        Raises:
            UnknownNodeError: the result has no such node.
            GraphError: there is no such edge.
            ArgumentError: the result holds no edges.
        """
        edges = self._known_edges()
        ends = (self._table.position(u), self._table.position(v))
        position = self._edge_positions.get(ends)
        if position is None:
            first, second = (self.nodes[i] for i in ends)
            onward = ", ".join(str(b) for a, b in edges if a == first) or "nothing"
            raise GraphError(
                f"no path takes an edge {first} -> {second}; {first} leads to {onward}."
            )
        return amount(np.asarray(self.edge_influences, np.float64)[..., position])

    def top_nodes(self, k: int = 10, by: AbstractOrder | None = None) -> list[NodeInfluence]:
        """The `k` first nodes in an order; equal ones in the order of `nodes`.

        A batch is ordered by its mean over the examples, and lists that mean.

        Arguments:
            k: how many, at most.
            by: `Magnitude()` (the default), `Largest()` or `Smallest()`.

        Raises:
            ArgumentError: `k` is no number of rows, or `by` is no order.
            NonFiniteError: an influence is NaN.
        """
        rows = self._top(self.node_influences, k, by)
        return [NodeInfluence(self.nodes[i], value, share) for i, value, share in rows]

    def top_edges(self, k: int = 10, by: AbstractOrder | None = None) -> list[EdgeInfluence]:
        """The `k` first edges in an order; equal ones in the order of `edges`. See `top_nodes`.

        Raises:
            ArgumentError: the result holds no edges, `k` is no number of rows, or `by` is no order.
            NonFiniteError: an influence is NaN.
        """
        edges = self._known_edges()
        rows = self._top(self.edge_influences, k, by)
        return [EdgeInfluence(edges[i], value, share) for i, value, share in rows]

    def _top(self, values: Any, k: int, by: AbstractOrder | None) -> list[tuple[int, float, float]]:
        mean = means_of(values)
        total = np.mean(self.totals, dtype=np.float64)
        ranks = top_ranks(mean, k, Magnitude() if by is None else by)
        shares = _shares(mean[ranks][None], np.atleast_1d(total))[0]
        return list(zip(ranks.tolist(), mean[ranks].tolist(), shares.tolist(), strict=True))

    def example(self, i: int) -> "Conductances":
        """One example of a batch.

        Raises:
            ArgumentError: there is no axis of examples, or no such example.
        """
        check_example(i, self.n_examples)
        return self._with(lambda a: np.asarray(a)[i], self.audit.example(i))

    def mean(self) -> "Conductances":
        """The mean over the examples of a batch, in float64, with the worst structural residual.

        Raises:
            ArgumentError: there is no axis of examples.
        """
        batch_size(self.n_examples)
        return self._with(lambda a: np.mean(a, axis=0, dtype=np.float64), self.audit.mean())

    def _with(self, change: Any, audit: Audit) -> "Conductances":
        along = None if self.edge_influences is None else change(self.edge_influences)
        through, totals = change(self.node_influences), np.asarray(change(self.totals))
        return Conductances(self.nodes, through, self.edges, along, totals, audit, self.metadata)

    def to_pandas(self, *, edges: bool = False) -> Any:
        """A data frame with a row per node: `node`, `influence`, `share` (of the total); or with a
        row per edge, with the columns `start` and `end` for `node`.

        A batch has a row per example and node or edge, with the column `example` in front.

        Raises:
            MissingDependencyError: pandas is not installed.
            ArgumentError: edges are asked for and the result holds none.
        """
        pandas = pandas_module()
        if edges:
            pairs = self._known_edges()
            labels = {"start": [str(u) for u, _ in pairs], "end": [str(v) for _, v in pairs]}
        else:
            labels = {"node": [str(n) for n in self.nodes]}
        values = self.edge_influences if edges else self.node_influences
        rows = np.atleast_2d(np.asarray(values, np.float64))
        shares = _shares(rows, np.atleast_1d(np.asarray(self.totals, np.float64)))
        columns: dict[str, Any] = {name: column * len(rows) for name, column in labels.items()}
        columns |= {"influence": rows.ravel(), "share": shares.ravel()}
        if self.n_examples is not None:
            columns = {"example": np.repeat(np.arange(len(rows)), rows.shape[1]), **columns}
        return pandas.DataFrame(columns)

    def to_xarray(self) -> Any:
        """An xarray dataset: `node_influence` over `example` (of a batch) and `node`, and where the
        result holds edges `edge_influence` over `example` and `edge`, with the coordinates `start`
        and `end`; `total`, and the audit's residuals. The metadata and all else of the audit are
        attributes.

        Raises:
            MissingDependencyError: xarray is not installed.
        """
        values: dict[str, tuple[str, Any]] = {"node_influence": ("node", self.node_influences)}
        labels = {"node": ("node", text_array(map(str, self.nodes)))}
        if self.edges is not None:
            values["edge_influence"] = ("edge", self.edge_influences)
            labels["start"] = ("edge", text_array(str(u) for u, _ in self.edges))
            labels["end"] = ("edge", text_array(str(v) for _, v in self.edges))
        return data_set(
            self.metadata,
            self.audit,
            batched=self.n_examples is not None,
            values=values,
            examples={"total": self.total},
            labels=labels,
        )

    def _page(self) -> Page:
        facts = f"{len(self.nodes):,} nodes"
        facts += "" if self.edges is None else f", {len(self.edges):,} edges"
        facts += examples_text(self.n_examples)
        total = float(np.mean(self.total))
        try:
            nodes = [(row.influence, row.share, str(row.node)) for row in self.top_nodes(SHOWN)]
            tables = [influence_table(nodes, [], total, "node", "share of total")]
            if self.edges is not None:
                edges = [
                    (row.influence, row.share, f"{row.edge[0]} -> {row.edge[1]}")
                    for row in self.top_edges(SHOWN)
                ]
                tables.append(influence_table(edges, [], total, "edge", "share of total"))
        except NonFiniteError as error:
            return page("Conductances", facts, [], self.audit, str(error))
        return page("Conductances", facts, tables, self.audit)

    def __str__(self) -> str:
        lines = [repr(self), *(f"  {row}" for row in self.top_nodes(10))]
        if self.edges is not None:
            lines += [f"  {row}" for row in self.top_edges(10)]
        return "\n".join(lines)

    def __repr__(self) -> str:
        batch = "" if self.n_examples is None else f", {self.n_examples} examples"
        edges = "" if self.edges is None else f", {len(self.edges)} edges"
        return (
            f"Conductances({len(self.nodes)} nodes{edges}{batch}, "
            f"{'mean ' if batch else ''}total {float(np.mean(self.total)):.6g}, {self.audit!r})"
        )


def _shares(
    rows: Float64[np.ndarray, "B entries"], totals: Float64[np.ndarray, " B"]
) -> Float64[np.ndarray, "B entries"]:
    """Each entry over its row's total; NaN where that is 0."""
    by = np.broadcast_to(totals[:, None], rows.shape)
    return np.divide(rows, by, out=np.full(rows.shape, np.nan), where=by != 0)


register_result(
    Conductances, ("node_influences", "edge_influences", "totals", "audit"), ("nodes", "edges")
)


def _sheet(result: Conductances) -> Sheet:
    through = rows_of("influences", result.node_influences)
    edges = result.edges or ()
    along = rows_of(
        "influences",
        np.zeros((len(through), 0)) if result.edges is None else result.edge_influences,
    )
    flows = FlowTable(result.nodes, through, edges, along)
    heading = "what flows through nodes"
    return make_sheet(heading, result.total, result.n_examples, result.audit, flows=flows)


sheet_of.register(Conductances, _sheet)
