"""`do` and `activations` against programs that are run by hand with nodes replaced."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pathflow as pf
from benchmarks._pathflow import compilations
from tests.helpers import OUTPUT, dag_programs, programs
from tests.helpers._oracle import Run

_EXACT = 1e-10


def _by_hand(program, args, overrides):
    run = Run(overrides)
    run.program(program, args)
    return run


def _assert_close(found, wanted):
    np.testing.assert_allclose(found, wanted, rtol=_EXACT, atol=_EXACT)


@settings(max_examples=12)
@given(st.data())
def test_fixed_values_give_what_a_run_by_hand_gives(data):
    program = data.draw(programs())
    args = program.args()
    plain = _by_hand(program, args, {})
    graph = pf.trace(program.function(), *args)
    labels = [n for n in plain.nodes if n != OUTPUT]
    chosen = data.draw(st.lists(st.sampled_from(labels), min_size=1, max_size=3, unique=True))
    random = np.random.default_rng(data.draw(st.integers(0, 99)))
    values = {n: random.normal(size=plain.nodes[n].value.shape) for n in chosen}
    changed = _by_hand(program, args, values)
    nodes = {n: graph.node(n) for n in chosen}
    interventions = {nodes[n]: jnp.asarray(v) for n, v in values.items()}
    if changed.decisions != plain.decisions:
        with pytest.raises(pf.DecisionChangedError):
            pf.activations(graph, args, interventions=interventions)
        return
    found = pf.activations(graph, args, interventions=interventions)
    for node, value in found.items():
        _assert_close(value, changed.nodes[str(node)].value)
    _assert_close(pf.do(graph, args, interventions), changed.nodes[OUTPUT].value)


@settings(max_examples=8)
@given(dag_programs(), st.integers(0, 99))
def test_a_batch_is_its_examples_one_by_one(program, seed):
    graph = pf.trace(program.function(), *program.args())
    many = [program.args(example) for example in range(3)]
    params = many[0][-1]
    args = (*(jnp.stack(arrays) for arrays in zip(*(a[:-1] for a in many), strict=True)), params)
    in_axes = (*(0,) * (len(args) - 1), None)
    node = graph.nodes[seed % (len(graph.nodes) - 1)]
    own = jnp.asarray(np.random.default_rng(seed).normal(size=(3, *node.shape)))
    found = pf.do(graph, args, {node: own}, in_axes=in_axes)
    assert found.shape == (3,)
    for i, one in enumerate(many):
        _assert_close(found[i], pf.do(graph, one, {node: own[i]}))
    everything = pf.activations(graph, args, in_axes=in_axes)
    for i, one in enumerate(many):
        for label, value in pf.activations(graph, one).items():
            _assert_close(everything[label][i], value)


def _two_layers(x, w):
    h = pf.tag(jnp.tanh(w @ x), "h")
    g = pf.tag(jnp.sin(h) * 2, "g")
    return jnp.sum(h * g)


_X = jnp.array([[0.2, -0.5], [1.0, 0.3], [-0.7, 0.1]])
_W = jnp.array([[1.0, 0.5], [-0.3, 0.8]])
_AXES = (0, None)


@pytest.fixture(scope="module")
def graph():
    return pf.trace(_two_layers, _X[0], _W)


def _h(x):
    return jnp.tanh(_W @ x)


def _rest(h, g=None):
    return jnp.sum(h * (jnp.sin(h) * 2 if g is None else g))


def test_zero_mean_and_other_input_are_what_they_say(graph):
    hs = jax.vmap(_h)(_X)
    gs = jnp.sin(hs) * 2
    ask = {"in_axes": _AXES}
    zero = pf.do(graph, (_X, _W), {"g": pf.Zero()}, **ask)
    _assert_close(zero, jnp.zeros(3))
    mean = pf.do(graph, (_X, _W), {"g": pf.Mean()}, **ask)
    _assert_close(mean, jax.vmap(_rest, (0, None))(hs, gs.mean(0)))
    other = pf.do(graph, (_X, _W), {"g": pf.OtherInput((_X[0], _W))}, **ask)
    _assert_close(other, jax.vmap(_rest, (0, None))(hs, gs[0]))
    each = pf.do(graph, (_X, _W), {"h": pf.OtherInput((_X[::-1], _W), in_axes=_AXES)}, **ask)
    _assert_close(each, jax.vmap(_rest)(hs[::-1]))
    added = pf.do(graph, (_X, _W), {"h": pf.Apply(lambda h: h + 1.0), "g": pf.Zero()}, **ask)
    _assert_close(added, jnp.zeros(3))
    added = pf.do(graph, (_X, _W), {"h": pf.Apply(lambda h: h + 1.0)}, **ask)
    _assert_close(added, jax.vmap(_rest)(hs + 1.0))


def test_a_mean_over_a_data_set_is_not_one_over_the_examples(graph):
    data = jnp.array([[3.0, 1.0], [-2.0, 0.4]])
    found = pf.do(graph, (_X[0], _W), {"h": pf.Mean((data, _W), in_axes=_AXES)})
    _assert_close(found, _rest(jax.vmap(_h)(data).mean(0)))


def test_other_arguments_need_no_quantity_for_each_example_asked_about():
    def fn(x):
        return jnp.outer(pf.tag(jnp.tanh(x), "h"), jnp.array([1.0, 2.0])).ravel()

    graph = pf.trace(fn, _X[0], qoi=pf.Logit(0))
    data = jnp.array([[3.0, 1.0], [-2.0, 0.4], [0.5, 0.5], [1.0, -1.0]])
    index = np.array([3, 0, 2])
    ask = {"qoi": pf.Logit(jnp.asarray(index)), "in_axes": 0}

    def wanted(h):
        return (h[:, None] * np.array([1.0, 2.0])).ravel()[index]

    found = pf.do(graph, (_X,), {"h": pf.Mean((data,))}, **ask)
    _assert_close(found, wanted(np.tanh(data).mean(0)))
    found = pf.do(graph, (_X,), {"h": pf.OtherInput((data[1],))}, **ask)
    _assert_close(found, wanted(np.tanh(data[1])))
    with pytest.raises(pf.ArgumentError, match="'qoi' is the quantity of interest"):
        pf.do(graph, (_X,), {"qoi": pf.Mean((data,))}, **ask)


def test_another_set_of_as_many_nodes_is_not_compiled_again():
    def fn(x):
        return jnp.prod(jnp.stack([pf.tag(jnp.sin(k * x), f"h{k:.0f}") for k in (1.0, 3.0, 5.0)]))

    graph = pf.trace(fn, _X[0, 0])
    xs = jnp.linspace(-1.0, 1.0, 7)
    pf.do(graph, (xs,), {}, in_axes=0)
    for by in (pf.Fix(0.5), pf.Mean((_X[:, 0],))):
        for chosen in (["h1"], ["h3"], ["h5"], ["h1", "h3"]):
            pf.do(graph, (xs,), dict.fromkeys(chosen, by), in_axes=0)
        with compilations() as seen:
            for chosen in (["h1", "h5"], ["h3", "h5"]):
                pf.do(graph, (xs,), dict.fromkeys(chosen, by), in_axes=0)
        assert seen.count == 0


def test_apply_sees_what_the_interventions_before_it_left(graph):
    found = pf.do(graph, (_X[0], _W), {"h": jnp.ones(2), "g": pf.Apply(lambda g: g * 3)})
    _assert_close(found, _rest(jnp.ones(2), jnp.sin(jnp.ones(2)) * 6))


@given(st.integers(0, 2**31 - 1))
def test_resampling_takes_all_nodes_from_one_other_example(seed):
    graph = pf.trace(_two_layers, _X[0], _W)
    hs = np.asarray(jax.vmap(_h)(_X))
    by = pf.Resample(jax.random.key(seed))
    nodes = {"h": by, "g": by}
    found = pf.activations(graph, (_X, _W), ["h", "g"], interventions=nodes, in_axes=_AXES)
    h, g = np.asarray(found[graph.node("h")]), np.asarray(found[graph.node("g")])
    for i in range(3):
        (j,) = [j for j in range(3) if np.allclose(h[i], hs[j])]
        assert j != i
        _assert_close(g[i], np.sin(hs[j]) * 2)


def test_resampling_from_a_data_set_draws_all_of_it(graph):
    data = jnp.linspace(-1, 1, 10).reshape(5, 2)
    drawn = set()
    for seed in range(12):
        by = pf.Resample(jax.random.key(seed), (data, _W), in_axes=_AXES)
        found = pf.activations(graph, (_X, _W), ["h"], interventions={"h": by}, in_axes=_AXES)
        drawn |= {tuple(np.round(v, 9)) for v in np.asarray(found[graph.node("h")])}
    assert drawn == {tuple(np.round(v, 9)) for v in np.asarray(jax.vmap(_h)(data))}


def test_one_example_is_resampled_from_a_data_set_as_one(graph):
    data = jnp.linspace(-1, 1, 10).reshape(5, 2)
    by = pf.Resample(jax.random.key(1), (data, _W), in_axes=_AXES)
    found = pf.do(graph, (_X[0], _W), {"h": by})
    assert found.shape == ()
    wanted = np.asarray(jax.vmap(_rest)(jax.vmap(_h)(data)))
    assert np.isclose(found, wanted, rtol=_EXACT).any()


def test_keep_replaces_all_but_what_is_kept(graph):
    hs = jax.vmap(_h)(_X)
    ask = {"in_axes": _AXES}
    found = pf.do(graph, (_X, _W), pf.Keep("h"), **ask)
    _assert_close(found, jax.vmap(_rest, (0, None))(hs, (jnp.sin(hs) * 2).mean(0)))
    found = pf.do(graph, (_X, _W), pf.Keep("g", instead=pf.Zero()), **ask)
    _assert_close(found, jnp.zeros(3))
    nothing = pf.do(graph, (_X, _W), pf.Keep([]), **ask)
    _assert_close(nothing, jnp.full(3, _rest(hs.mean(0), (jnp.sin(hs) * 2).mean(0))))
    everything = pf.do(graph, (_X, _W), pf.Keep("*"), **ask)
    _assert_close(everything, jax.vmap(_rest)(hs))
    same = pf.do(graph, (_X, _W), pf.Ablate(["h", "g"]), **ask)
    _assert_close(same, nothing)
    inside = pf.do(graph, (_X, _W), pf.Keep([], among="h"), **ask)
    _assert_close(inside, jnp.full(3, _rest(hs.mean(0))))


def test_what_is_behind_a_replaced_node_is_not_computed():
    def fn(x):
        h = pf.tag(jnp.log(x), "h")
        return jnp.sum(pf.tag(h * 2, "g"))

    graph = pf.trace(fn, jnp.ones(2))
    with pytest.raises(pf.NonFiniteError, match="'h'"):
        pf.activations(graph, (-jnp.ones(2),))
    assert pf.do(graph, (-jnp.ones(2),), {"g": pf.Zero()}) == 0.0


def test_another_target_and_another_quantity():
    def fn(x):
        return pf.tag(jnp.exp(pf.tag(x * 2, "h")), "y")

    graph = pf.trace(fn, jnp.arange(3.0), qoi=pf.LogitDifference(0, 1))
    x = jnp.array([0.1, 0.2, 0.5])
    fixed = {"h": jnp.array([0.0, 1.0, 2.0])}
    y = jnp.exp(fixed["h"])
    _assert_close(pf.do(graph, (x,), fixed), y[0] - y[1])
    _assert_close(pf.do(graph, (x,), fixed, target="y"), y)
    _assert_close(pf.do(graph, (x,), fixed, qoi=pf.LogitDifference(2, 0)), y[2] - y[0])


def test_float32_stays_float32():
    graph = pf.trace(_two_layers, _X[0].astype(jnp.float32), _W.astype(jnp.float32))
    args = (_X.astype(jnp.float32), _W.astype(jnp.float32))
    for by in (pf.Zero(), pf.Mean(), pf.Resample(jax.random.key(0)), 1.5):
        assert pf.do(graph, args, {"h": by}, in_axes=_AXES).dtype == jnp.float32


class _Elsewhere(pf.AbstractIntervention):
    """What a node holds at an input of its own, which nobody keeps."""

    def replace(self, node, value, clean):
        other = jnp.full(2, {"a": 1.0, "b": 5.0}[node.name])
        return pf.OtherInput((other,)).replace(node, value, clean)


def test_other_arguments_that_nobody_keeps_are_told_apart():
    """The place in memory of the first is often that of the second."""

    def fn(x):
        return 100 * pf.tag(x * 1.0, "a").sum() + pf.tag(x * 1.0, "b").sum()

    x = jnp.zeros(2)
    by = {"a": _Elsewhere(), "b": _Elsewhere()}
    assert float(pf.do(pf.trace(fn, x), (x,), by)) == 210.0


def test_a_lone_label_or_node_is_one_node():
    """And not the nodes that its letters name."""
    graph = pf.trace(lambda a, b: pf.tag(a * b, "ab") + a, 1.0, 2.0)
    for one in ("ab", graph.node("ab")):
        found = pf.activations(graph, (1.0, 2.0), one)
        assert {str(node): float(value) for node, value in found.items()} == {"ab": 2.0}


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64, np.int8, np.int64])
def test_a_single_number_of_numpy_is_a_number(kind):
    graph = pf.trace(lambda x: pf.tag(2 * x, "h").sum(), jnp.ones(2))
    for value in (kind(3), pf.Fix(kind(3))):
        assert pf.do(graph, (jnp.ones(2),), {"h": value}) == 6.0


def test_a_number_with_a_fraction_is_none_for_integers():
    graph = pf.trace(lambda x: jnp.arange(5.0)[pf.tag(jnp.argmax(x), "k")], jnp.ones(2))
    with pytest.raises(pf.ArgumentError, match="'k': it holds int.* give an integer"):
        pf.do(graph, (jnp.ones(2),), {"k": np.float32(0.5)})
    assert pf.do(graph, (jnp.ones(2),), {"k": np.int8(3)}) == 3.0


@pytest.mark.parametrize("in_axes", [None, 0])
def test_float64_that_a_function_returns_is_refused_without_x64(in_axes):
    with jax.enable_x64(False):
        graph = pf.trace(lambda x: pf.tag(2 * x, "h").sum(), jnp.ones(2))
        args = (jnp.ones(2) if in_axes is None else jnp.ones((3, 2)),)
        with pytest.raises(pf.X64DisabledError, match=r"what Apply\(function\) returned for node"):
            pf.do(graph, args, {"h": pf.Apply(lambda _: np.ones(2))}, in_axes=in_axes)
