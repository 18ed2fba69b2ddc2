"""GraphML, which Gephi, Cytoscape, yEd and others read."""

import re
from typing import Any

import networkx as nx

from pathflow._errors import ArgumentError
from pathflow.storage import new_file

from ._file import PathLike
from ._graph import plain_graph, to_networkx

# What XML 1.0 cannot hold, in any spelling.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_graphml(result: Any, path: PathLike) -> None:
    r"""Writes the graph of `to_networkx` as a GraphML file, which `networkx.read_graphml` reads.

    Lists and objects (a node's index and shape, the metadata, the audit) are JSON texts there.
    Markup in labels is escaped. A character that XML cannot hold becomes an escape as in Python's
    texts (`\x1b`).

    Arguments:
        result: as for `to_networkx`.
        path: of the file. It is there whole or not at all.

    Raises:
        ArgumentError: the result does not know what flows along edges, or two labels differ only in
            how such a character is written.
    """
    graph = plain_graph(to_networkx(result))
    labels = {label: allowed(label) for label in graph}
    if len(set(labels.values())) < len(labels):
        raise ArgumentError(
            "result has labels that are the same once the characters are escaped that XML cannot "
            "hold; give the tags names without control characters."
        )
    graph = nx.relabel_nodes(graph, labels)
    for facts in (graph.graph, *graph.nodes.values()):
        facts.update({k: allowed(v) for k, v in facts.items() if isinstance(v, str)})
    with new_file(path) as draft:
        # The writer of the standard library: lxml's, where it is installed, refuses other names.
        nx.write_graphml_xml(graph, draft)


def allowed(text: str) -> str:
    """A text without the characters that XML cannot hold."""
    return _FORBIDDEN.sub(lambda m: m[0].encode("unicode_escape", "surrogatepass").decode(), text)
