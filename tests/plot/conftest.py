"""Hand-made results on the gate-level graph of a two-layer LSTM."""

import numpy as np
import pytest

import pathflow as pf


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
