"""captum's attributions are sums over paths, or limits of them.

Run where PyTorch and captum are installed; skipped elsewhere.
"""

import jax.numpy as jnp
import numpy as np
import pytest

import pathflow as pf

torch = pytest.importorskip("torch")
captum = pytest.importorskip("captum.attr")

from tests.peers._pairs import PAIRS  # noqa: E402  (needs torch)

TARGET = 1
STEPS = 6
SPLIT = {"MLP": "c", "CNN": "max", "attention": "weights"}
# Integrated gradients rounds its weights to float32, and entries may cancel in a sum.
ROUNDED = 1e-6
# captum's method, our rule, and what captum's weights sum to: its trapezoids divide the unit
# interval into n parts and place n points, of which both ends count half.
METHODS = {
    "riemann_right": (pf.RightRiemann(), 1),
    "riemann_middle": (pf.Midpoint(), 1),
    "gausslegendre": (pf.GaussLegendre(), 1),
    "riemann_trapezoid": (pf.Trapezoid(), (STEPS - 1) / STEPS),
}
each_pair = pytest.mark.parametrize("name", PAIRS)
each_method = pytest.mark.parametrize("method", METHODS)


@pytest.fixture(autouse=True)
def _double():
    """captum makes its fractions in PyTorch's default precision."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


def peer(value):
    return torch.from_numpy(value)[None]


def asked(pair, **more):
    """What all of captum's line methods are asked."""
    return {"inputs": peer(pair.x), "baselines": peer(pair.baseline), "target": TARGET} | more


def values(tensor):
    return tensor.detach().numpy()[0]


def traced(pair, **more):
    return pf.trace(pair.fn, jnp.asarray(pair.x), qoi=pf.Logit(TARGET), **more)


def line(pair, rule, n=STEPS):
    return pf.Line(jnp.asarray(pair.baseline), n_steps=n, rule=rule)


def ours(pair, graph, source="x", **more):
    return pf.attribute(graph, (jnp.asarray(pair.x),), source=source, **more)


def layer_at(pair, name, x):
    """The layer's value, by PyTorch."""
    found = []
    handle = pair.module.get_submodule(name).register_forward_hook(lambda *a: found.append(a[2]))
    pair.module(peer(np.asarray(x)))
    handle.remove()
    return values(found[0])


def close(found, expected, relative=1e-10):
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape
    assert np.abs(expected).max() > 1e-4
    assert np.abs(found - expected).max() <= relative * np.abs(expected).sum()


@each_pair
def test_the_networks_are_the_same(name):
    pair = PAIRS[name]
    close(pair.fn(jnp.asarray(pair.x)), values(pair.module(peer(pair.x))))


@each_pair
@each_method
def test_integrated_gradients_is_the_sum_of_all_paths(name, method):
    pair, (rule, scale) = PAIRS[name], METHODS[method]
    found = captum.IntegratedGradients(pair.module).attribute(
        **asked(pair), n_steps=STEPS, method=method
    )
    result = ours(pair, traced(pair), doi=line(pair, rule))
    close(result.total * scale, values(found).sum(), ROUNDED)


def test_the_entries_of_integrated_gradients_are_the_sums_through_parts_of_the_input():
    pair = PAIRS["MLP"]
    found = captum.IntegratedGradients(pair.module).attribute(**asked(pair), n_steps=STEPS)
    graph = pf.trace(
        lambda x: pair.fn(pf.tag(x, "in")),
        jnp.asarray(pair.x),
        qoi=pf.Logit(TARGET),
        split={"in": pf.Components()},
    )
    result = ours(pair, graph, doi=line(pair, pf.GaussLegendre()))
    close([result.through(f"in[{i}]") for i in range(4)], values(found), ROUNDED)


@each_pair
@each_method
def test_neuron_conductance_is_the_sum_of_the_paths_through_the_neuron(name, method):
    pair, (rule, scale), layer = PAIRS[name], METHODS[method], SPLIT[name]
    graph = traced(pair, split={layer: pf.Components()})
    parts = [n for n in graph.nodes if n.name.startswith(f"{layer}[")]
    result = ours(pair, graph, doi=line(pair, rule), search=pf.Conductance())
    conductance = captum.NeuronConductance(pair.module, pair.module.get_submodule(layer))
    index = np.argwhere(np.ones(layer_at(pair, layer, pair.x).shape))
    expected = [
        conductance.attribute(
            **asked(pair, neuron_selector=tuple(map(int, i))), n_steps=STEPS, method=method
        ).sum()
        for i in index
    ]
    close([result.through(p) * scale for p in parts], torch.stack(expected).detach().numpy())


@each_pair
def test_layer_conductance_tends_to_the_sum_of_the_paths_through_the_layer(name):
    """captum replaces each step's derivative of the layer by the difference of two values."""
    pair = PAIRS[name]
    exact = ours(pair, traced(pair), doi=line(pair, pf.Midpoint(), 2000), search=pf.Conductance())
    size = np.abs(exact.node_influences).max()
    for layer in pair.layers:
        conductance = captum.LayerConductance(pair.module, pair.module.get_submodule(layer))
        gaps = []
        for n in (100, 400):
            found = conductance.attribute(**asked(pair), n_steps=n, method="riemann_trapezoid")
            gaps.append(abs(values(found).sum() - exact.through(layer)))
        if name == "CNN":  # its kinks leave no order of convergence
            assert gaps[1] <= 0.01 * size
        elif layer == pair.layers[-1]:  # only a matrix follows, so the differences telescope
            assert max(gaps) <= 1e-6 * size
        else:
            assert 1e-5 * size < gaps[1] < 0.4 * gaps[0] < 1e-3 * size


def test_layer_conductance_of_an_affine_layer_is_a_left_riemann_sum_of_its_paths():
    pair = PAIRS["MLP"]
    both = torch.nn.Sequential(torch.nn.Identity(), pair.module)
    found = captum.LayerConductance(both, both[0]).attribute(
        **asked(pair), n_steps=STEPS, method="riemann_trapezoid"
    )
    fractions = jnp.arange(STEPS)[:, None] / STEPS
    x, x0 = jnp.asarray(pair.x), jnp.asarray(pair.baseline)
    graph = pf.trace(lambda x: pair.fn(pf.tag(x, "in")), x, qoi=pf.Logit(TARGET))
    doi = pf.Samples(x0[None] + fractions * (x - x0)[None], direction=x - x0)
    close(ours(pair, graph, doi=doi).through("in"), values(found).sum())


@pytest.mark.parametrize(
    ("name", "layer", "sources"),
    [
        ("MLP", "b", ("x", "b")),
        ("CNN", "mix", ("mix",)),  # which nothing passes by
        ("attention", "mixed", ("x", "mixed")),
    ],
)
@each_method
def test_internal_influence_moves_the_layer_alone_at_the_points_of_the_input(
    name, layer, sources, method
):
    pair, (rule, scale) = PAIRS[name], METHODS[method]
    found = captum.InternalInfluence(pair.module, pair.module.get_submodule(layer)).attribute(
        **asked(pair), n_steps=STEPS, method=method
    )
    graph, expected = traced(pair), values(found)
    fractions, weights = rule.nodes_and_weights(STEPS)
    inputs = [pair.baseline + a * (pair.x - pair.baseline) for a in fractions]
    points = {
        "x": jnp.asarray(np.stack(inputs)),
        layer: jnp.asarray(np.stack([layer_at(pair, layer, v) for v in inputs])),
    }
    for i in list(np.ndindex(expected.shape))[-3:]:
        directions = {"x": jnp.zeros(pair.x.shape), layer: jnp.zeros(expected.shape).at[i].set(1)}
        doi = pf.Samples(
            tuple(points[s] for s in sources),
            weights=jnp.asarray(weights),
            direction=tuple(directions[s] for s in sources),
        )
        close(ours(pair, graph, source=sources, doi=doi).total * scale, expected[i])


@each_pair
@each_method
def test_layer_integrated_gradients_is_the_sum_of_the_paths_from_the_layer(name, method):
    pair, (rule, scale) = PAIRS[name], METHODS[method]
    graph = traced(pair)
    for layer in pair.layers:
        found = captum.LayerIntegratedGradients(
            pair.module, pair.module.get_submodule(layer)
        ).attribute(**asked(pair), n_steps=STEPS, method=method)
        baseline = jnp.asarray(layer_at(pair, layer, pair.baseline))
        doi = pf.Line(baseline, n_steps=STEPS, rule=rule)
        close(ours(pair, graph, source=layer, doi=doi).total * scale, values(found).sum(), ROUNDED)


@each_pair
def test_gradients_at_the_input_itself_are_the_paths_of_a_point(name):
    pair = PAIRS[name]
    x, graph = torch.from_numpy(pair.x)[None].requires_grad_(), traced(pair)
    found = captum.InputXGradient(pair.module).attribute(x, target=TARGET)
    close(ours(pair, graph, doi=pf.Point()).total, values(found).sum())
    slopes = values(captum.Saliency(pair.module).attribute(x, target=TARGET, abs=False))
    direction = np.random.default_rng(1).normal(size=pair.x.shape)
    close(
        ours(pair, graph, doi=pf.Point(direction=jnp.asarray(direction))).total,
        (slopes * direction).sum(),
    )
    for layer in pair.layers:
        found = captum.LayerGradientXActivation(
            pair.module, pair.module.get_submodule(layer)
        ).attribute(x, target=TARGET)
        close(ours(pair, graph, source=layer, doi=pf.Point()).total, values(found).sum())


@each_method
def test_neuron_integrated_gradients_is_the_sum_of_the_paths_to_the_neuron(method):
    pair, (rule, scale) = PAIRS["MLP"], METHODS[method]
    graph = traced(pair, split={"c": pf.Components()})
    neuron = captum.NeuronIntegratedGradients(pair.module, pair.module.c)
    for i in range(5):
        found = neuron.attribute(
            peer(pair.x),
            neuron_selector=i,
            baselines=peer(pair.baseline),
            n_steps=STEPS,
            method=method,
        )
        result = ours(pair, graph, target=f"c[{i}]", doi=line(pair, rule))
        close(result.total * scale, values(found).sum(), ROUNDED)
