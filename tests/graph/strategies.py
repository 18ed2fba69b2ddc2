"""Random directed acyclic graphs."""

from itertools import combinations

from hypothesis import strategies as st

import pathflow as pf


def plain(i: int) -> pf.Node:
    return pf.Node(f"n{i}")


def looped(i: int) -> pf.Node:
    """The nodes of a loop over three names."""
    return pf.Node("abc"[i % 3], (i // 3,))


@st.composite
def dags(draw, min_nodes: int = 2, max_nodes: int = 8, node=plain) -> pf.Graph:
    """A random graph on `n0, n1, ...` (or on others) where every forward pair may be an edge."""
    size = draw(st.integers(min_nodes, max_nodes))
    nodes = [node(i) for i in range(size)]
    pairs = list(combinations(range(size), 2))
    keep = draw(st.lists(st.booleans(), min_size=len(pairs), max_size=len(pairs)))
    edges = [(nodes[u], nodes[v]) for (u, v), kept in zip(pairs, keep, strict=True) if kept]
    return pf.Graph(nodes, draw(st.permutations(edges)))


@st.composite
def spaces(draw, max_nodes: int = 8, node=plain) -> tuple[pf.Graph, pf.PathSpace]:
    """A random graph with a path space on it, from one to three sources to a target they reach."""
    graph = draw(dags(max_nodes=max_nodes, node=node).filter(lambda g: bool(g.edges)))
    target = draw(st.sampled_from(sorted({v for _, v in graph.edges}, key=graph.position)))
    wanted = draw(st.lists(st.sampled_from(graph.nodes), min_size=1, max_size=3, unique=True))
    sources = [s for s in wanted if s != target]
    while True:
        reaching = [
            s for s in sources if listed_paths(graph, s, target, cut=frozenset(sources) - {s})
        ]
        if reaching == sources:
            break
        sources = reaching
    sources = sources or [graph.predecessors(target)[0]]
    return graph, graph.paths(sources, target)


def listed_paths(graph: pf.Graph, source, target, cut=frozenset()) -> list[tuple[pf.Node, ...]]:
    """All paths by networkx, in lexicographic order: independent of the counting code."""
    import networkx as nx

    plain = nx.DiGraph()
    plain.add_nodes_from(map(str, graph.nodes))
    plain.add_edges_from((str(u), str(v)) for u, v in graph.edges if v not in cut)
    found = nx.all_simple_paths(plain, str(source), str(target))
    positions = sorted([graph.position(n) for n in path] for path in found)
    return [tuple(graph.nodes[i] for i in path) for path in positions]
