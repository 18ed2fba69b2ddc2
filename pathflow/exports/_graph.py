"""networkx, with influences on nodes and edges."""

from typing import Any

import networkx as nx

from pathflow.results import flows_of, plain_value

from ._facts import facts_of


def to_networkx(result: Any) -> nx.DiGraph:
    """A networkx graph of labels, with the influence through every node and along every edge.

    Nodes have the attributes `influence`, `name`, `index`, `shape` and `dtype`, edges `influence`;
    over a batch, influences are means. The graph has the attributes `sources`, `target`, `paths`
    (which paths count: all, those of a pattern, or those that are listed), `n_paths` (how many,
    where that is known), `total`, `metadata` and `audit`.

    Arguments:
        result: an `Attribution` (all paths), `Conductances` with edges (those of a pattern), or
            `Ranked` (those in the list; the rest is missing in every number).

    Raises:
        ArgumentError: the result does not know what flows along edges.
        NonFiniteError: an influence is NaN or infinite.

    Example:
        ```python
        graph = exports.to_networkx(result)
        graph.edges["c0@2", "h0@2"]["influence"] / graph.graph["total"]
        ```
    """
    flows, facts = flows_of(result), facts_of(result)
    out = nx.DiGraph(
        sources=[str(n) for n in flows.nodes if n in flows.sources],
        target=str(flows.target),
        paths=flows.paths,
        **({} if flows.n_paths is None else {"n_paths": flows.n_paths}),
        **{name: facts[name] for name in ("total", "metadata", "audit")},
    )
    for n, value in flows.nodes.items():
        out.add_node(
            str(n), influence=value, name=n.name, index=n.index, shape=n.shape, dtype=n.dtype
        )
    for (u, v), value in flows.edges.items():
        out.add_edge(str(u), str(v), influence=value)
    return out


def plain_graph(graph: nx.DiGraph) -> nx.DiGraph:
    """The graph with attributes of text and numbers only: what is neither becomes JSON."""
    out = nx.DiGraph()
    out.graph.update({key: plain_value(value) for key, value in graph.graph.items()})
    for label, facts in graph.nodes.items():
        out.add_node(label, **{key: plain_value(value) for key, value in facts.items()})
    for (u, v), facts in graph.edges.items():
        out.add_edge(u, v, **facts)
    return out
