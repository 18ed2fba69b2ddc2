"""Results of every kind, small and with names that mean something to a file format."""

import numpy as np

import pathflow as pf

# Commas, quotes, markup, a formula, and two characters that XML cannot hold.
HOSTILE = ("a,b", '"q"', "<b>&amp;", "=1+1", "\ufffe[0m", "\uffff", "é\U0001f600", "'];--")
METADATA = {"doi": "Line(n_steps=50)", "sources": ["x"], "note": '<script>"&\x1b\ud800'}


def hostile_graph() -> pf.Graph:
    middle = [pf.Node(name, (i,), (2, 3)) for i, name in enumerate(HOSTILE)]
    return pf.Graph(
        [pf.Node("x", (0,)), *middle, pf.Node("qoi")],
        [e for n in middle for e in (("x@0", n), (n, "qoi"))] + [(middle[0], middle[1])],
    )


def audit(batch: tuple[int, ...], dtype: str) -> pf.Audit:
    zeros = np.zeros(batch)
    return pf.Audit(zeros + 1e-12, zeros + 3.0, zeros - 1e-3, 7, ("a -> b",), dtype)


def make(kind: str, batch: int | None, dtype: str = "float64"):
    """A result with random influences."""
    rng = np.random.default_rng(0)
    lead = () if batch is None else (batch,)
    space = hostile_graph().paths("x@0", "qoi")

    def draw(n):
        return rng.standard_normal((*lead, n)).astype(dtype)

    facts = (audit(lead, dtype), METADATA)
    influences = draw(space.count)
    if kind == "attribution":
        return pf.Attribution(space, influences, *facts)
    if kind == "ranked":
        certificate = pf.Certificate(False, float("inf"), draw(1)[..., 0], space.count - 3, 11)
        return pf.Ranked(space, (4, 0, 7), influences[..., :3], certificate, *facts)
    if kind == "sampled":
        totals = influences.sum(axis=-1)
        return pf.Sampled(
            space, space.count, (1, 1, 5), influences[..., :3], np.ones(3), totals, {}, None, *facts
        )
    if kind == "aggregation":
        parts = (frozenset({'a,\n"b'}), frozenset({'a,\n"b', "=c"}), frozenset())
        return pf.Aggregation(('a,\n"b', "=c"), parts, draw(3), (1, 2**70, 5), *facts)
    if kind == "conductances":
        edges = tuple((u, v) for u in space.nodes for v in space.successors(u))
        n = len(space.nodes)
        return pf.Conductances(
            space.nodes, draw(n), edges, draw(len(edges)), draw(1)[..., 0], *facts
        )
    table = pf.PartTable([pf.Node("a,b", (0,))], [["0", "<1>"]], np.array([[0], [1], [-1]]))
    values = draw(3)
    return pf.Refinement("x .* qoi", table, values, values.sum(axis=-1), 0, *facts)


KINDS = ("attribution", "ranked", "sampled", "aggregation", "conductances", "refinement")
