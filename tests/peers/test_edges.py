"""Edge attribution patching (Syed et al. 2023) and EAP-IG (Hanna et al. 2024), by PyTorch hooks
from their formulas, against sums of the paths that use an edge.

    EAP(u -> v)     = <a_u(corrupt) - a_u(clean), dL/d(input of v)(clean)>
    EAP-IG(u -> v)  = <a_u(corrupt) - a_u(clean), mean_k dL/d(input of v)(x_k)>

with x_k = corrupt + k/m (clean - corrupt), k = 1 .. m.
"""

import jax.numpy as jnp
import numpy as np
import pytest

import pathflow as pf

torch = pytest.importorskip("torch")

WIDTH, TARGET, STEPS = 4, 2, 5
BLOCKS = ("A", "B", "C")
RANDOM = np.random.default_rng(11)
W = {
    "embed": RANDOM.normal(size=(WIDTH, WIDTH)) / 2,
    **{b: RANDOM.normal(size=(WIDTH, WIDTH)) for b in BLOCKS},
    "out": RANDOM.normal(size=(3, WIDTH)),
}
CLEAN, CORRUPT = RANDOM.normal(size=(2, WIDTH))
UPSTREAM = ("embed", *BLOCKS)
EDGES = [(u, v) for i, u in enumerate(UPSTREAM) for v in (*BLOCKS[i:], "qoi")]


class ResidualStream(torch.nn.Module):
    """Blocks that read the sum of all outputs before them. Every reader gets a tensor of its own,
    so that its gradient is that of the edges into this reader alone.
    """

    def forward(self, x):
        w = {k: torch.from_numpy(v) for k, v in W.items()}
        self.outputs, self.inputs = {"embed": w["embed"] @ x}, {}
        for name in (*BLOCKS, "qoi"):
            read = sum(self.outputs.values()).clone()
            read.retain_grad()
            self.inputs[name] = read
            if name != "qoi":
                self.outputs[name] = torch.tanh(w[name] @ read)
        return (w["out"] @ torch.sin(self.inputs["qoi"]))[TARGET]


def run(x):
    """The output, every block's output, and the gradient of what every reader reads."""
    module = ResidualStream()
    module.requires_grad_(True)
    out = module(torch.from_numpy(x).requires_grad_())
    out.backward()
    activations = {k: v.detach().numpy() for k, v in module.outputs.items()}
    return float(out.detach()), activations, {k: v.grad.numpy() for k, v in module.inputs.items()}


def eap(clean, corrupt, points):
    """The peers' score of every edge, with the gradients' mean over the points."""
    before, after = run(clean)[1], run(corrupt)[1]
    gradients = [run(p)[2] for p in points]
    return {
        (u, v): (after[u] - before[u]) @ np.mean([g[v] for g in gradients], axis=0)
        for u, v in EDGES
    }


def eap_ig_points(clean, corrupt):
    return [corrupt + k / STEPS * (clean - corrupt) for k in range(1, STEPS + 1)]


def stream(x):
    outputs = [pf.tag(jnp.asarray(W["embed"]) @ x, "embed")]
    for name in BLOCKS:
        outputs.append(pf.tag(jnp.tanh(jnp.asarray(W[name]) @ sum(outputs)), name))
    return jnp.asarray(W["out"]) @ jnp.sin(sum(outputs))


GRAPH = pf.trace(stream, jnp.asarray(CLEAN), qoi=pf.Logit(TARGET))


def along_edges(x, source, doi):
    """What flows along every edge on paths from the source."""
    return pf.attribute(GRAPH, (jnp.asarray(x),), source=source, doi=doi, search=pf.Conductance())


def moved_alone(clean, points, u, change):
    """What flows along the edges out of `u` when its value alone changes, at the points of `x`."""
    values = [run(p)[1][u] for p in points]
    if u == "embed":  # all paths from the input pass it
        doi = pf.Samples(jnp.asarray(np.stack(values)), direction=jnp.asarray(change))
        return along_edges(clean, u, doi)
    doi = pf.Samples(
        (jnp.asarray(np.stack(points)), jnp.asarray(np.stack(values))),
        direction=(jnp.zeros(WIDTH), jnp.asarray(change)),
    )
    return along_edges(clean, ("x", u), doi)


def from_input(x, direction):
    """What flows along every edge when the input moves, at the input itself."""
    return along_edges(x, "x", pf.Point(direction=jnp.asarray(direction)))


def test_the_networks_are_the_same():
    for x in (CLEAN, CORRUPT):
        assert run(x)[0] == pytest.approx(float(stream(jnp.asarray(x))[TARGET]), abs=1e-12)
    assert [(str(u), str(v)) for u, v in GRAPH.edges if str(u) != "x"] == EDGES


@pytest.mark.parametrize("u", UPSTREAM)
def test_eap_is_the_sum_of_the_paths_from_the_edge_when_its_first_node_moves(u):
    expected = eap(CLEAN, CORRUPT, [CLEAN])
    change = run(CORRUPT)[1][u] - run(CLEAN)[1][u]
    doi = pf.Point(direction=jnp.asarray(change))
    found = along_edges(CLEAN, u, doi)
    for v in (v for w, v in EDGES if w == u):
        assert abs(expected[u, v]) > 1e-3
        assert found.along(u, v) == pytest.approx(expected[u, v], abs=1e-12)


@pytest.mark.parametrize("u", UPSTREAM)
def test_eap_ig_is_the_same_at_the_points_of_the_line(u):
    points = eap_ig_points(CLEAN, CORRUPT)
    expected = eap(CLEAN, CORRUPT, points)
    change = run(CORRUPT)[1][u] - run(CLEAN)[1][u]
    found = moved_alone(CLEAN, points, u, change)
    for v in (v for w, v in EDGES if w == u):
        assert abs(expected[u, v]) > 1e-3
        assert found.along(u, v) == pytest.approx(expected[u, v], abs=1e-12)


def test_from_the_input_the_two_agree_on_edges_out_of_affine_nodes():
    one_point = from_input(CLEAN, CORRUPT - CLEAN)
    doi = pf.Line(jnp.asarray(CORRUPT), n_steps=STEPS, rule=pf.RightRiemann())
    line = along_edges(CLEAN, "x", doi)
    eap_scores = eap(CLEAN, CORRUPT, [CLEAN])
    ig_scores = eap(CLEAN, CORRUPT, eap_ig_points(CLEAN, CORRUPT))
    for u, v in EDGES:
        # EAP-IG's differences lead from clean to corrupt, the line from corrupt to clean.
        gaps = (
            one_point.along(u, v) - eap_scores[u, v],
            line.along(u, v) + ig_scores[u, v],
        )
        if u == "embed":
            assert np.abs(gaps).max() <= 1e-12
        else:
            assert np.abs(gaps).min() >= 1e-3


def test_elsewhere_they_agree_to_first_order():
    """The difference falls as the square of the distance between the two inputs."""

    def gaps(distance):
        corrupt = CLEAN + distance * (CORRUPT - CLEAN)
        found, scores = from_input(CLEAN, corrupt - CLEAN), eap(CLEAN, corrupt, [CLEAN])
        return np.array([found.along(*e) - scores[e] for e in EDGES if e[0] != "embed"])

    ratio = gaps(1e-3) / gaps(2e-3)
    np.testing.assert_allclose(ratio, 1 / 4, rtol=0.01)


def test_only_sums_of_paths_add_up_to_the_change_of_the_output():
    change = run(CORRUPT)[0] - run(CLEAN)[0]
    doi = pf.Line(jnp.asarray(CLEAN), n_steps=30, rule=pf.GaussLegendre())
    found = along_edges(CORRUPT, "x", doi)
    into_output = [e for e in EDGES if e[1] == "qoi"]
    assert sum(found.along(*e) for e in into_output) == pytest.approx(change, abs=1e-9)
    fine = [CLEAN + a * (CORRUPT - CLEAN) for a in pf.GaussLegendre().nodes_and_weights(30)[0]]
    weights = pf.GaussLegendre().nodes_and_weights(30)[1]
    before, after = run(CLEAN)[1], run(CORRUPT)[1]
    gradient = np.tensordot(weights, np.stack([run(p)[2]["qoi"] for p in fine]), 1)
    peers = sum((after[u] - before[u]) @ gradient for u in UPSTREAM)
    assert abs(peers - change) > 1e-2
