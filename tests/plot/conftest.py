"""Hand-made results on the gate-level graph of a two-layer LSTM."""

import numpy as np
import pytest

import pathflow as pf
from pathflow.results import PartTable


def lstm_graph(n_steps, n_layers=2):
    """The graph of the paper's Figure 2, written out."""
    nodes, edges = [], []
    for t in range(n_steps):
        nodes.append(pf.Node("x", (t,)))
        for layer in range(n_layers):
            below = f"h{layer - 1}@{t}" if layer else f"x@{t}"
            before = t - 1
            for gate in "fiog":
                nodes.append(pf.Node(f"{gate}{layer}", (t,)))
                edges.append((below, f"{gate}{layer}@{t}"))
                if t:
                    edges.append((f"h{layer}@{before}", f"{gate}{layer}@{t}"))
            nodes += [pf.Node(f"c{layer}", (t,)), pf.Node(f"h{layer}", (t,))]
            edges += [(f"{gate}{layer}@{t}", f"c{layer}@{t}") for gate in "fig"]
            edges += [(f"{gate}{layer}@{t}", f"h{layer}@{t}") for gate in "oc"]
            if t:
                edges.append((f"c{layer}@{before}", f"c{layer}@{t}"))
    nodes.append(pf.Node("qoi"))
    edges.append((f"h{n_layers - 1}@{n_steps - 1}", "qoi"))
    return pf.Graph(nodes, edges)


def make_result(space, influences):
    """A result with these influences and an audit without a finding."""
    influences = np.asarray(influences)
    batch = influences.shape[:-1]
    audit = pf.Audit(
        structural=np.zeros(batch),
        reference_total=influences.sum(axis=-1),
        quadrature=None,
        n_steps=50,
        blocked=(),
    )
    return pf.Attribution(space=space, influences=influences, audit=audit, metadata={})


@pytest.fixture
def graph():
    return lstm_graph(3)


@pytest.fixture
def result(graph):
    space = graph.paths("x@0", "qoi")
    rng = np.random.default_rng(0)
    return make_result(space, rng.standard_normal(space.count))


def make_audit(batch=(), structural=1e-8, quadrature=1e-6):
    return pf.Audit(
        structural=np.full(batch, structural),
        reference_total=np.zeros(batch),
        quadrature=np.full(batch, quadrature),
        n_steps=50,
        dtype="float32",
    )


def make_refinement(values, name="c1"):
    """A refinement whose `values`, `([examples,] steps, units)`, are those of one node's units."""
    *batch, n_steps, n_units = values.shape
    chosen = np.full((n_steps * n_units, n_steps), -1)
    for t in range(n_steps):
        chosen[t * n_units : (t + 1) * n_units, t] = np.arange(n_units)
    nodes = [pf.Node(name, (t,)) for t in range(n_steps)]
    table = PartTable(nodes, [[str(i) for i in range(n_units)]] * n_steps, chosen)
    rows = values.reshape(*batch, -1)
    total = rows.sum(axis=-1)
    return pf.Refinement(
        paths="x .* qoi",
        table=table,
        influences=rows,
        parent=total if batch else float(total),
        n_zeros=0,
        audit=make_audit(tuple(batch)),
    )


def make_conductances(graph, edge_values, node_values):
    return pf.Conductances(
        graph.nodes, node_values, graph.edges, edge_values, np.array(1.0), make_audit()
    )


def make_ranked(space, influences, unseen, exact=True):
    ranks = tuple(range(0, space.count, space.count // len(influences)))[: len(influences)]
    known = pf.Certificate(exact, 0.25, unseen, space.count - len(ranks), 99)
    return pf.Ranked(space, ranks, np.asarray(influences), known, make_audit())


def make_aggregation(amounts, overlap=False, names=("primary", "through c0")):
    parts = [frozenset(names if overlap else names[:1]), frozenset(names[1:]), frozenset()]
    return pf.Aggregation(names, tuple(parts), np.asarray(amounts), (1, 7, 12), make_audit())


def texts_of(figure):
    """All texts that are drawn, those of ticks included."""
    figure.draw_without_rendering()
    found = [*figure.texts]
    for ax in figure.axes:
        if not ax.axison:
            continue
        for axis in (ax.xaxis, ax.yaxis):
            ticks = axis._update_ticks()
            found += [t for tick in ticks for t in (tick.label1, tick.label2)]
            found += [axis.label, axis.offsetText]
        found += [*ax.texts, ax.title, ax._left_title]
        if ax.get_legend() is not None:
            found += ax.get_legend().get_texts()
    return [text for text in found if text.get_visible() and text.get_text().strip()]


def check_no_overlap(figure, least=3):
    """No text lies on another one, or leaves the figure."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    renderer = FigureCanvasAgg(figure).get_renderer()
    found = [(t.get_text(), t.get_window_extent(renderer)) for t in texts_of(figure)]
    assert len(found) >= least
    for i, (text, box) in enumerate(found):
        crossed = [other for other, second in found[i + 1 :] if box.overlaps(second)]
        assert not crossed, (text, crossed)
        # Half a pixel is rounding.
        inside = figure.bbox.padded(0.5)
        assert inside.contains(box.x0, box.y0), text
        assert inside.contains(box.x1, box.y1), text
