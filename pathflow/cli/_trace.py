"""`pathflow trace`."""

from collections import Counter
from typing import Any

import pathflow as pf
from pathflow.results import short_integer

from ._checks import check_rows
from ._options import Trace
from ._output import write, write_json
from ._problem import Problem
from ._setup import problem_of


def run(options: Trace) -> None:
    """Describes the graph of a problem."""
    check_rows(options.rows)
    facts = describe(problem_of(options), options.pattern)
    if options.json:
        write_json(facts)
        return
    write(_text(facts, options.rows))


def describe(problem: Problem, pattern: str | None) -> dict[str, Any]:
    """What there is to say of a graph, in plain JSON.

    Arguments:
        problem: whose graph it is.
        pattern: counts the paths that it matches, too.

    Raises:
        PatternError: the pattern is none.
        NoPathError: a source does not reach the target.
    """
    graph = problem.graph
    space = graph.paths(problem.sources, problem.end)
    on_paths = frozenset(space.nodes)
    nodes = [
        {
            "node": str(n),
            "shape": list(n.shape),
            "dtype": n.dtype,
            "reads": [str(u) for u in graph.graph.predecessors(n)],
            "paths": space.prefix_count(n) * space.suffix_count(n) if n in on_paths else 0,
        }
        for n in graph.nodes
    ]
    facts: dict[str, Any] = {
        "sources": [str(n) for n in space.sources],
        "target": str(space.target),
        "n_nodes": len(nodes),
        "n_edges": len(graph.edges),
        "n_paths": space.count,
        "blocked": [[str(u), str(v)] for u, v in graph.blocked],
        "decisions": [guard.where for guard in graph.guards],
        "fingerprint": graph.graph.fingerprint(),
    }
    if pattern is not None:
        count = graph.count_paths(problem.sources, problem.end, pf.Pattern.parse(pattern))
        facts["pattern"] = {"pattern": pattern, "n_paths": count}
    return {**facts, "nodes": nodes}


def _text(facts: dict[str, Any], rows: int) -> str:
    sources = ", ".join(facts["sources"])
    lines = [
        (
            f"{facts['n_nodes']:,} nodes, {facts['n_edges']:,} edges, "
            f"{short_integer(facts['n_paths'])} paths from {sources} to {facts['target']}"
        )
    ]
    if "pattern" in facts:
        asked = facts["pattern"]
        match = "matches" if asked["n_paths"] == 1 else "match"
        lines.append(f"{short_integer(asked['n_paths'])} of them {match} {asked['pattern']}")
    lines += [f"no derivative passes {u} -> {v}" for u, v in facts["blocked"]]
    lines += [f"the graph rests on a decision: {where}" for where in facts["decisions"]]
    kinds = Counter(n["node"].partition("@")[0] for n in facts["nodes"])
    lines.append("names: " + ", ".join(f"{name} ({n})" for name, n in kinds.items()))
    table = [("node", "shape", "dtype", "paths", "reads")]
    for n in facts["nodes"][:rows]:
        shape = "x".join(map(str, n["shape"])) or "-"
        reads = " ".join(n["reads"]) or "-"
        table.append((n["node"], shape, n["dtype"], short_integer(n["paths"]), reads))
    widths = [max(len(row[i]) for row in table) for i in range(4)]
    lines.append("")
    for row in table:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        cells[3] = row[3].rjust(widths[3])
        lines.append("  ".join([*cells, row[4]]))
    if facts["n_nodes"] > rows:
        lines.append(f"... and {facts['n_nodes'] - rows:,} more nodes; --rows N shows more")
    return "\n".join(lines)
