"""The JSON of attribution graphs that circuit-tracer writes, for its viewer and Neuronpedia's.

Source of the format: `graph_models.py` of circuit-tracer and Neuronpedia's `graph-schema.json`.
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

import networkx as nx
import numpy as np

from pathflow._errors import ArgumentError
from pathflow._version import __version__
from pathflow.graph import Node
from pathflow.results import Flows, flows_of
from pathflow.storage import new_file

from ._facts import facts_of, json_text
from ._file import PathLike, encodable

# The words by which viewers know what to draw where.
_SOURCE, _TARGET, _INNER = "embedding", "logit", "cross layer transcoder"
# A viewer leaves out what is on more than two thirds of the tokens, as anything is on
# a single one.
_FEWEST_TOKENS = 2
# What a reader has chosen in a viewer: nothing yet.
_UNTOUCHED = {
    "pinnedIds": [],
    "supernodes": [],
    "linkType": "both",
    "clickedId": "",
    "sg_pos": "",
}


def write_attribution_graph(
    result: Any,
    path: PathLike,
    *,
    tokens: Sequence[str] | None = None,
    slug: str = "pathflow",
    scan: str = "pathflow",
) -> None:
    """Writes the graph of `attribution_graph` as a JSON file.

    Arguments:
        result: as for `to_networkx`; over a batch, influences are means.
        path: of the file. It is there whole or not at all.
        tokens: as for `attribution_graph`.
        slug: the graph's name in a viewer.
        scan: the model's name.

    Raises:
        ArgumentError: as for `attribution_graph`.
    """
    found = attribution_graph(result, tokens=tokens, slug=slug, scan=scan)
    with new_file(path) as draft:
        draft.write_text(json_text(found, indent=1), encoding="utf-8")


def attribution_graph(
    result: Any,
    *,
    tokens: Sequence[str] | None = None,
    slug: str = "pathflow",
    scan: str = "pathflow",
) -> dict[str, Any]:
    """What flows where, in the form that viewers of attribution graphs read.

    Those graphs are of features of transcoders, and these are of any nodes, so this is what stands
    for what:

    - `links`: an edge; `weight` is the influence along it (of all paths that take it), where
      circuit-tracer has the direct effect of one feature on another.
    - `ctx_idx`: the iteration of the outermost loop; outside loops that of the last predecessor.
    - `layer`: how many names come before a name within one iteration; "E" for sources.
    - `feature`: a number for each name (and inner iteration); `clerp`: the label.
    - `feature_type`: "embedding" for sources, "logit" for the target, "cross layer transcoder" for
      all others.
    - `influence`: the share of the absolute influence through all nodes that is carried by this one
      and by those that carry more, by which viewers prune.
    - `metadata.generation_settings`: which paths are summed (`paths`) and how many (`n_paths`, null
      where that is not known), and what `facts_of` says.
    - `token_prob`, and the `(p=1)` in the target's `clerp`: without a meaning, and asked for by
      viewers.

    Arguments:
        result: as for `to_networkx`; over a batch, influences are means.
        tokens: what stands at each iteration of the outermost loop; its number by default.
        slug: the graph's name in a viewer.
        scan: the model's name.

    Raises:
        ArgumentError: the result does not know what flows along edges, or lists no path, or there
            are fewer tokens than iterations.
        NonFiniteError: an influence is NaN or infinite.
    """
    flows = flows_of(result)
    if not flows.nodes:
        raise ArgumentError(
            "result lists no path, and so has nothing to draw; lower the threshold of Above(...), "
            "or find the first paths by TopK()."
        )
    words = _tokens(tokens, 1 + max(_columns(flows).values()))
    nodes = _nodes(flows)
    ids = {n: node["node_id"] for n, node in nodes.items()}
    facts = facts_of(result)
    return {
        "metadata": {
            "slug": slug,
            "scan": scan,
            "transcoder_list": [],
            "prompt_tokens": words,
            "prompt": "".join(words) if tokens is not None else " ".join(words),
            "node_threshold": None,
            "schema_version": 1,
            "info": {
                "description": f"Influence of {flows.paths} paths to {flows.target}.",
                "generator": {"name": "pathflow", "version": __version__},
            },
            "generation_settings": {
                "paths": flows.paths,
                "n_paths": flows.n_paths,
                **{name: value for name, value in facts.items() if name != "result"},
            },
        },
        "qParams": deepcopy(_UNTOUCHED),
        "nodes": list(nodes.values()),
        "links": [
            {"source": ids[u], "target": ids[v], "weight": weight}
            for (u, v), weight in flows.edges.items()
        ],
    }


def _nodes(flows: Flows) -> dict[Node, dict[str, Any]]:
    columns, layers, features = _columns(flows), _layers(flows), _features(flows)
    carried = _carried(flows.nodes)
    return {
        n: {
            "node_id": f"{layers[n]}_{features[n]}_{columns[n]}",
            "feature": features[n],
            "layer": layers[n],
            "ctx_idx": columns[n],
            "reverse_ctx_idx": 0,
            "feature_type": _type(n, flows),
            "token_prob": float(n == flows.target),
            "is_target_logit": n == flows.target,
            "run_idx": 0,
            "jsNodeId": f"{layers[n]}_{features[n]}-{columns[n]}",
            "clerp": _clerp(n, flows),
            "influence": carried[n],
            "activation": None,
        }
        for n in flows.nodes
    }


def _type(n: Node, flows: Flows) -> str:
    return _SOURCE if n in flows.sources else _TARGET if n == flows.target else _INNER


def _clerp(n: Node, flows: Flows) -> str:
    label = encodable(str(n))
    return f'Output "{label}" (p=1)' if n == flows.target else label


def _columns(flows: Flows) -> dict[Node, int]:
    """The outermost iteration of every node; outside loops the last one that it depends on."""
    columns: dict[Node, int] = {}
    before: dict[Node, list[Node]] = {n: [] for n in flows.nodes}
    for u, v in flows.edges:
        before[v].append(u)
    for n in flows.nodes:
        columns[n] = n.index[0] if n.index else max((columns[u] for u in before[n]), default=0)
    return columns


def _layers(flows: Flows) -> dict[Node, str]:
    """The longest chain of names that leads to a name within an iteration, the target after all."""
    columns, names = _columns(flows), nx.DiGraph()
    inner = [n for n in flows.nodes if n not in flows.sources and n != flows.target]
    names.add_nodes_from(n.name for n in inner)
    chosen = set(inner)
    names.add_edges_from(
        (u.name, v.name)
        for u, v in flows.edges
        if {u, v} <= chosen and columns[u] == columns[v] and u.name != v.name
    )
    # Names that lead to each other (in an inner loop) share a layer.
    groups = nx.condensation(names)
    level: dict[int, int] = {}
    for group in nx.topological_sort(groups):
        level[group] = 1 + max((level[g] for g in groups.predecessors(group)), default=-1)
    at = {name: str(level[groups.graph["mapping"][name]]) for name in names}
    last = str(1 + max(level.values(), default=-1))
    ends = {flows.target: last} | dict.fromkeys(flows.sources, "E")
    return {n: ends[n] if n in ends else at[n.name] for n in flows.nodes}


def _features(flows: Flows) -> dict[Node, int]:
    """A number for each name and inner iteration: no two nodes of an iteration share it."""
    numbers: dict[tuple[object, ...], int] = {}
    return {n: numbers.setdefault((n.name, n.index[1:]), len(numbers)) for n in flows.nodes}


def _tokens(tokens: Sequence[str] | None, needed: int) -> list[str]:
    if tokens is None:
        return [str(i) for i in range(max(needed, _FEWEST_TOKENS))]
    if isinstance(tokens, str) or len(tokens) < needed:
        raise ArgumentError(
            f"tokens={tokens!r} must be a list of one text for each of the {needed} iterations of "
            "the outermost loop."
        )
    return [*map(encodable, tokens), *[""] * (_FEWEST_TOKENS - len(tokens))]


def _carried(through: Mapping[Node, float]) -> dict[Node, float]:
    """For each node the share of what the nodes carry together that it and larger ones carry."""
    ordered = sorted(through, key=lambda n: -abs(through[n]))
    sizes = np.cumsum([abs(through[n]) for n in ordered])
    whole = float(sizes[-1]) or 1.0
    return dict(zip(ordered, (sizes / whole).tolist(), strict=True))
