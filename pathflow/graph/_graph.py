"""The graph of Definition 5: named activations, and which depends on which."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import pairwise
from typing import final

import networkx as nx

from pathflow._errors import GraphError, PatternWarning
from pathflow._user_warning import warn_user
from pathflow.drawing import AbstractDisplayed, Page

from ._counting import suffix_counts
from ._explain import explain_no_match
from ._graph_page import graph_page
from ._node import Node
from ._pattern import PatternLike, as_pattern
from ._space import PathSpace
from ._table import NodeLike, NodeTable
from ._trellis import count_matching

Edge = tuple[Node, Node]


@final
class Graph(AbstractDisplayed):
    """An immutable directed acyclic graph of nodes.

    Scores never live on it: results are separate objects. The order of the nodes matters, since it
    orders every node's neighbours, and with them the paths (see `PathSpace`).

    Arguments:
        nodes: the nodes in a topological order (every edge goes from an earlier to a later one).
        edges: pairs `(u, v)`: the value of `v` depends on that of `u` through nothing that is a
            node. Kept sorted by the positions of `u` and `v`, in whatever order they come.

    Raises:
        GraphError: a node or an edge comes twice, the edges form a cycle, or the order is not
            topological.
        UnknownNodeError: an edge has an end that is not among the nodes.

    Source: Definition 5 of "Influence Paths for Characterizing Subject-Verb Number Agreement in
        LSTM Language Models".
    """

    def __init__(self, nodes: Iterable[Node], edges: Iterable[tuple[NodeLike, NodeLike]]):
        self._table = NodeTable(nodes)
        table = self._table.nodes
        pairs = sorted((self.position(u), self.position(v)) for u, v in edges)
        self._check_edges(pairs)
        # Sorted pairs make both neighbour lists come out in the order of the nodes.
        predecessors: list[list[int]] = [[] for _ in table]
        successors: list[list[int]] = [[] for _ in table]
        for u, v in pairs:
            successors[u].append(v)
            predecessors[v].append(u)
        self._edges = tuple((table[u], table[v]) for u, v in pairs)
        self._predecessors = tuple(map(tuple, predecessors))
        self._successors = tuple(map(tuple, successors))

    def _check_edges(self, pairs: list[tuple[int, int]]) -> None:
        nodes = self.nodes
        for pair, following in pairwise(pairs):
            if pair == following:
                u, v = (nodes[i] for i in pair)
                raise GraphError(f"edges holds {u} -> {v} more than once; list every edge once.")
        backward = next(((u, v) for u, v in pairs if u >= v), None)
        if backward is None:
            return
        try:
            cycle = [u for u, _ in nx.find_cycle(nx.DiGraph(pairs))]
        except nx.NetworkXNoCycle:
            u, v = (nodes[i] for i in backward)
            raise GraphError(
                f"nodes is not in topological order: the edge {u} -> {v} goes backward; "
                f"list {u} before {v}."
            ) from None
        text = " -> ".join(str(nodes[i]) for i in [*cycle, cycle[0]])
        raise GraphError(
            f"edges form a cycle, {text}; a model is acyclic, so give every step its own nodes."
        )

    @property
    def nodes(self) -> tuple[Node, ...]:
        """All nodes, in topological order."""
        return self._table.nodes

    @property
    def edges(self) -> tuple[Edge, ...]:
        """All edges, sorted by the positions of their ends."""
        return self._edges

    def position(self, node: NodeLike) -> int:
        """Where a node stands in `nodes`.

        Raises:
            UnknownNodeError: the graph has no such node; the message lists close matches.
        """
        return self._table.position(node)

    def node(self, node: NodeLike) -> Node:
        """The graph's own node for a label or a node, with its shape and dtype.

        Raises:
            UnknownNodeError: the graph has no such node; the message lists close matches.
        """
        return self.nodes[self.position(node)]

    def __contains__(self, node: object) -> bool:
        return node in self._table

    def predecessors(self, node: NodeLike) -> tuple[Node, ...]:
        """The nodes that `node` depends on directly, in the order of `nodes`."""
        return tuple(self.nodes[i] for i in self._predecessors[self.position(node)])

    def successors(self, node: NodeLike) -> tuple[Node, ...]:
        """The nodes that depend on `node` directly, in the order of `nodes`."""
        return tuple(self.nodes[i] for i in self._successors[self.position(node)])

    def paths(self, source: NodeLike | Sequence[NodeLike], target: NodeLike) -> PathSpace:
        """The space of all paths from the source, or from several sources, to the target.

        Nothing is listed: the space counts, ranks and unranks. With several sources the edges
        *into* a source are cut, since a distribution of interest replaces a source's value.

        Arguments:
            source: a label or node, or a tuple or list of them; their order is the first key of the
                paths' order.
            target: a label or node.

        Raises:
            UnknownNodeError: a label names no node.
            GraphError: there is no source, a source comes twice, or the target is a source.
            NoPathError: a source cannot reach the target.
        """
        sources = self._table.positions(source)
        return PathSpace(self._table, self._successors, sources, self.position(target))

    def count_paths(
        self,
        source: NodeLike | Sequence[NodeLike],
        target: NodeLike,
        pattern: PatternLike | None = None,
    ) -> int:
        """The exact number of paths to the target, 0 where no source reaches it.

        Edges into a source are cut, as in `paths`. Where paths exist and the pattern matches none
        of them, a `PatternWarning` says why.

        Arguments:
            source: a label or node, or several.
            target: a label or node.
            pattern: counts only the paths that it matches, source and target included.

        Raises:
            UnknownNodeError: a label names no node.
            GraphError: there is no source, a source comes twice, or the target is a source.
            PatternError: the pattern is none, or needs too many states.
        """
        sources, end = self._table.positions(source), self.position(target)
        self._table.check_ends(sources, end)
        counts = suffix_counts(self._successors, frozenset(sources), end)
        reaching = tuple(s for s in sources if counts[s])
        if pattern is None:
            return sum(counts[s] for s in reaching)
        pattern = as_pattern(pattern)
        if not reaching:
            return 0
        space = PathSpace(self._table, self._successors, reaching, end)
        count = count_matching(space, pattern)
        if not count:
            warn_user(explain_no_match(space, pattern), PatternWarning)
        return count

    def to_networkx(self) -> nx.DiGraph:
        """A networkx graph of labels, with attributes `name`, `index`, `shape` and `dtype`."""
        out = nx.DiGraph()
        for n in self.nodes:
            out.add_node(str(n), name=n.name, index=n.index, shape=n.shape, dtype=n.dtype)
        out.add_edges_from((str(u), str(v)) for u, v in self._edges)
        return out

    @cached_property
    def _canonical(self) -> tuple[object, ...]:
        facts = tuple((n.name, n.index, n.shape, n.dtype) for n in self.nodes)
        return facts, self._successors

    @cached_property
    def _fingerprint(self) -> str:
        return hashlib.sha256(json.dumps(self._canonical).encode()).hexdigest()

    def fingerprint(self) -> str:
        """A SHA-256 hex digest of nodes, shapes, dtypes and edges; equal for equal graphs."""
        return self._fingerprint

    # A graph may key a compiled function, so shapes and dtypes count here although they do not in a
    # node's equality.
    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Graph):
            return NotImplemented
        return self is other or self._canonical == other._canonical

    def __hash__(self) -> int:
        return hash(self._fingerprint)

    def __repr__(self) -> str:
        return f"Graph({len(self.nodes)} nodes, {len(self._edges)} edges)"

    def _page(self) -> Page:
        facts = f"{len(self.nodes):,} nodes, {len(self._edges):,} edges"
        return graph_page("Graph", facts, self.nodes, self._edges)
