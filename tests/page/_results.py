"""Results to show: made of numbers, no model needed."""

import numpy as np

import pathflow as pf


def lstm_space(words: int = 3) -> pf.PathSpace:
    """The paths of a two-layer LSTM, gate by gate, from its first word: 16, 152, 1089, 6946, 41561
    for 1 to 5 words.
    """
    nodes, edges = [], []
    for t in range(words):
        nodes.append(f"x@{t}")
        for layer, below in ((0, f"x@{t}"), (1, f"h0@{t}")):
            i, f, o, g, c, h = [f"{name}{layer}@{t}" for name in "ifogch"]
            nodes += [i, f, o, g, c, h]
            edges += [(below, gate) for gate in (i, f, o, g)]
            edges += [(i, c), (f, c), (g, c), (c, h), (o, h)]
            if t > 0:
                edges += [(f"h{layer}@{t - 1}", gate) for gate in (i, f, o, g)]
                edges.append((f"c{layer}@{t - 1}", c))
    edges.append((f"h1@{words - 1}", "qoi"))
    return pf.Graph(map(pf.Node.parse, [*nodes, "qoi"]), edges).paths("x@0", "qoi")


def influences(space: pf.PathSpace, examples: int | None = None, seed: int = 0) -> np.ndarray:
    """Heavy-tailed numbers of both signs, as trained models give."""
    rng = np.random.default_rng(seed)
    shape = (space.count,) if examples is None else (examples, space.count)
    return (rng.standard_normal(shape) ** 3).astype(np.float32)


def audit(total, ok: bool = True) -> pf.Audit:
    """An audit that passes, or does not."""
    residual = np.full(np.shape(total), 1e-8 if ok else 0.5)
    return pf.Audit(residual, total, residual, 50, ("of x through argmax",), "float32")


def attribution(words: int = 3, examples: int | None = None, seed: int = 0) -> pf.Attribution:
    """An attribution on the LSTM's paths."""
    space = lstm_space(words)
    values = influences(space, examples, seed)
    return pf.Attribution(space, values, audit(values.sum(axis=-1)))


def ranked(k: int = 20, words: int = 3) -> pf.Ranked:
    """The first paths of that attribution."""
    full = attribution(words)
    rows = full.top(k)
    ranks = tuple(row.rank for row in rows)
    listed = full.influences[list(ranks)]
    rest = np.delete(full.influences, list(ranks))
    certificate = pf.Certificate(
        True, abs(rows[-1].influence), float(rest.sum(dtype=np.float64)), len(rest), 99
    )
    return pf.Ranked(full.space, ranks, listed, certificate, full.audit)


def hostile() -> pf.Attribution:
    """Names that would be markup, end a script, or break a line, if they were not data."""
    names = [
        "</script><script>window.hacked=1</script>",
        "<img/src=x/onerror=window.hacked=2>",
        "<!--",
        "a&amp;b&lt;",
        "'\"`\\",
        "{{title}}",
        "__proto__",
        "</title></style>",
        "é𝛼→∞",
    ]
    nodes = [pf.Node("x"), *map(pf.Node, names), pf.Node("q")]
    graph = pf.Graph(nodes, [e for n in nodes[1:-1] for e in ((nodes[0], n), (n, nodes[-1]))])
    space = graph.paths("x", "q")
    values = np.arange(1.0, space.count + 1)
    return pf.Attribution(space, values, audit(values.sum()))
