"""Where prefixes and suffixes meet: the cheapest cut of the graph, found exactly by a minimum cut.

Left of the cut every node carries the tangents of all its prefixes (one per path from the source),
right of it the cotangents of all its suffixes (one per path to the target). A path crosses the cut
once, and the matrix products at the crossing cost the same for every cut, so only the pushes and
pulls count: `cost * P(u)` for an edge on the left, `cost * S(v)` on the right, `cost * min(P, S)`
across. That is a submodular labelling of the nodes, hence a minimum cut.
"""

from collections.abc import Mapping

import networkx as nx

from pathflow.graph import Node, PathSpace

_START, _END = "prefixes", "suffixes"


def choose_cut(space: PathSpace, cost: Mapping[tuple[Node, Node], int]) -> frozenset[Node]:
    """The nodes on the prefix side; every predecessor of one of them is there too.

    Arguments:
        space: the paths.
        cost: for each edge on a path, the integer cost of one tangent or cotangent across it.
    """
    flow = nx.DiGraph()
    left: dict[Node, int] = dict.fromkeys(space.nodes, 0)
    right: dict[Node, int] = dict.fromkeys(space.nodes, 0)
    for (u, v), unit in cost.items():
        prefixes, suffixes = space.prefix_count(u), space.suffix_count(v)
        # If v is left, so is u; if u is right, so is v: the two one-sided costs sit on single
        # nodes.
        left[v] += unit * prefixes
        right[u] += unit * suffixes
        flow.add_edge(u, v, capacity=unit * min(prefixes, suffixes))
        flow.add_edge(v, u)  # without a capacity: a left successor of a right node is impossible
    for node in space.nodes:
        flow.add_edge(node, _END, capacity=left[node])
        flow.add_edge(_START, node, capacity=right[node])
    for source in space.sources:
        flow[_START][source].pop("capacity")
        flow[source][_END]["capacity"] = 0
    flow[space.target][_END].pop("capacity")
    _, (prefix_side, _) = nx.minimum_cut(flow, _START, _END)
    return frozenset(n for n in space.nodes if n in prefix_side)
