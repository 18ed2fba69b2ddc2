"""Where a node goes in a time x layer graph: loop iterations make the columns, names the rows."""

from collections.abc import Iterable, Mapping, Sequence

from pathflow._errors import ArgumentError

from ._labelled import K
from ._layout import Layout

# How far the nodes of one column spread, in units of the distance between two columns.
_SPREAD = 0.62


def time_layers(
    nodes: Sequence[K],
    edges: Iterable[tuple[K, K]],
    *,
    rows: Sequence[str] | None = None,
    offsets: Mapping[str, float] | None = None,
) -> Layout[K]:
    """Lays a graph out with the loop's iterations from left to right and the names from bottom to
    top.

    Names that could run side by side (the gates of one layer) are shifted sideways, or the edge
    from the first row to the last would pass through all between. A node outside the loop stands
    one column after the loop when it depends on it (the quantity of interest), else in the first
    column.

    Arguments:
        nodes: the nodes, in topological order.
        edges: pairs of them.
        rows: the names, bottom up; the order of first appearance by default. May list names that do
            not occur.
        offsets: sideways shift per name, in columns; names left out are placed automatically.

    Raises:
        ArgumentError: `rows` lacks a name that occurs, or `offsets` names one that does not.
    """
    edges = list(edges)
    names = list(dict.fromkeys(n.name for n in nodes))
    row_of = _rows(names, rows)
    column_of = _columns(nodes, edges)
    shift = _shifts(nodes, edges, column_of, row_of) | dict(offsets or {})
    unknown = set(shift) - set(names)
    if unknown:
        raise ArgumentError(
            f"offsets names {', '.join(sorted(unknown))}, which is no node's name; the names are "
            f"{', '.join(names)}."
        )
    positions = {n: (column_of[n] + shift[n.name], float(row_of[n.name])) for n in nodes}
    index = {column_of[n]: n.index for n in nodes if n.index}
    n_columns = 1 + max(column_of.values())
    return Layout(
        positions=positions,
        columns=tuple(index.get(i) for i in range(n_columns)),
        rows=tuple(row_of),
    )


def _rows(names: Sequence[str], rows: Sequence[str] | None) -> dict[str, int]:
    ordered = list(names if rows is None else rows)
    missing = [n for n in names if n not in ordered]
    if missing or len(set(ordered)) < len(ordered):
        raise ArgumentError(
            f"rows must hold every name once; got {ordered}"
            + (f", which lacks {', '.join(missing)}." if missing else ", which repeats one.")
        )
    return {name: i for i, name in enumerate(ordered)}


def _columns(nodes: Sequence[K], edges: Iterable[tuple[K, K]]) -> dict[K, int]:
    indices = sorted({n.index for n in nodes if n.index})
    column = {n: indices.index(n.index) for n in nodes if n.index}
    predecessors: dict[K, list[K]] = {n: [] for n in nodes}
    for u, v in edges:
        predecessors[v].append(u)
    for n in nodes:
        if not n.index:
            # After the loop when it depends on the loop; beside its predecessors otherwise.
            after = [column[u] + bool(u.index) for u in predecessors[n]]
            column[n] = max(after, default=0)
    return column


def _shifts(
    nodes: Sequence[K],
    edges: Iterable[tuple[K, K]],
    column_of: Mapping[K, int],
    row_of: Mapping[str, int],
) -> dict[str, float]:
    """Sideways shifts by name: names of one level are spread out, a name alone follows its inputs.

    The level of a name is the longest chain of edges that leads to it inside one column. A name
    that is alone on its level goes to the mean shift of its predecessors (the barycentre rule of
    layered drawings, Sugiyama et al. 1981), which keeps it away from an edge that passes by.
    """
    inside: dict[K, list[K]] = {n: [] for n in nodes}
    for u, v in edges:
        if column_of[u] == column_of[v]:
            inside[v].append(u)
    level: dict[K, int] = {}
    for n in nodes:
        level[n] = 1 + max((level[u] for u in inside[n]), default=-1)
    shifts: dict[str, float] = {}
    for names in _levels(level, column_of):
        if len(names) > 1:
            ordered = sorted(names, key=row_of.__getitem__)
            step = _SPREAD / (len(ordered) - 1)
            shifts |= {name: i * step - _SPREAD / 2 for i, name in enumerate(ordered)}
        else:
            (name,) = names
            before = {u.name for n in nodes if n.name == name for u in inside[n]} & shifts.keys()
            shifts[name] = sum(shifts[b] for b in before) / len(before) if before else 0.0
    return shifts


def _levels(level: Mapping[K, int], column_of: Mapping[K, int]) -> list[set[str]]:
    """The names of each level, lowest first; those that share no column stay apart."""
    deepest: dict[str, int] = {}
    columns: dict[str, set[int]] = {}
    for n, depth in level.items():
        deepest[n.name] = max(deepest.get(n.name, 0), depth)
        columns.setdefault(n.name, set()).add(column_of[n])
    groups: list[tuple[int, set[int], set[str]]] = []
    for name, depth in sorted(deepest.items(), key=lambda item: item[1]):
        group = next((g for g in groups if g[0] == depth and g[1] & columns[name]), None)
        if group is None:
            groups.append((depth, set(columns[name]), {name}))
        else:
            group[1].update(columns[name])
            group[2].add(name)
    return [names for _, _, names in groups]
