"""Modules that their libraries transform, rebuild or thread state through: named all the same."""

import equinox as eqx
import haiku as hk
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen, nnx

import pathflow as pf

KEY = jax.random.key(0)
X = np.array([0.3, -0.5, 1.0], np.float32)
XS = np.stack([X, -2 * X])


def traced(fn, *args, nodes=None):
    return pf.trace(fn, *args, nodes=pf.modules() if nodes is None else nodes)


def names(fn, *args, nodes=None):
    return [n.name for n in traced(fn, *args, nodes=nodes).nodes]


def parameters_of(init, x):
    """Some of the right shapes: names do not depend on values, and to compile takes long."""
    return jax.tree.map(lambda leaf: np.ones(leaf.shape, leaf.dtype), jax.eval_shape(init, KEY, x))


def linen_function(model, x):
    variables = parameters_of(model.init, x)
    return lambda x: model.apply(variables, x).sum()


class Block(linen.Module):
    @linen.compact
    def __call__(self, x):
        return jnp.sin(linen.Dense(3)(x))


class Layer(linen.Module):
    @linen.compact
    def __call__(self, x, _):
        return Block(name="block")(x), None


class Transformed(linen.Module):
    """Calls a transformed block once, or twice."""

    transform: object
    times: int = 1

    @linen.compact
    def __call__(self, x):
        block = self.transform(Block)(name="block")
        for _ in range(self.times):
            x = block(x)
        return x


def over_batch(shared):
    axes, split = ({"params": None}, False) if shared else ({"params": 0}, True)
    return lambda block: linen.vmap(block, variable_axes=axes, split_rngs={"params": split})


def doubled(block):
    return linen.map_variables(
        block, "params", lambda v: jax.tree.map(lambda leaf: 2 * leaf, v), init=True
    )


LIFTED = {
    "vmap": over_batch(shared=False),
    "vmap of one block": over_batch(shared=True),
    "remat": linen.remat,
    "jit": linen.jit,
    "map_variables": doubled,
    "remat of vmap": lambda block: linen.remat(over_batch(shared=True)(block)),
}


@pytest.mark.parametrize("lifted", LIFTED)
@pytest.mark.parametrize("times", [1, 2])
def test_a_lifted_module_makes_one_node_a_call(lifted, times):
    fn = linen_function(Transformed(LIFTED[lifted], times), XS)
    plain = linen_function(Transformed(lambda block: block, times), XS)
    assert names(fn, XS) == names(plain, XS)
    assert len(names(plain, XS)) == 3 + 2 * times
    # A lifted class is below the class that it was made of.
    chosen = names(fn, XS, nodes=pf.modules(of=Block))
    assert chosen == ["x", *("block", "block#1")[:times], "output"]


class Stacked(linen.Module):
    @linen.compact
    def __call__(self, x):
        layers = linen.scan(
            Layer, variable_axes={"params": 0}, split_rngs={"params": True}, length=2
        )
        return layers(name="layers")(x, None)[0]


class Nested(linen.Module):
    @linen.compact
    def __call__(self, x):
        return linen.remat_scan(Block, lengths=(2, 2))(name="layers")(x)


def test_layers_in_a_scan_have_steps():
    graph = traced(linen_function(Stacked(), X), X)
    steps = [f"layers.{n}@{i}" for i in (0, 1) for n in ("block.Dense_0", "block", "0")]
    assert list(map(str, graph.nodes)) == ["x", *steps, "Stacked", "output"]
    graph = traced(linen_function(Nested(), X), X)
    steps = [f"layers{n}@{i}.{j}" for i in (0, 1) for j in (0, 1) for n in (".Dense_0", "")]
    assert list(map(str, graph.nodes)) == ["x", *steps, "Nested", "output"]


class Words(linen.Module):
    """An LSTM as flax's own examples write it."""

    cell: object

    @linen.compact
    def __call__(self, x):
        scanned = linen.scan(
            self.cell, variable_broadcast="params", split_rngs={"params": False}, in_axes=0
        )
        zeros = jnp.zeros(3, jnp.float32)
        return scanned(3, name="cell")((zeros, zeros), x)[1]


@pytest.mark.parametrize("lift", [lambda cell: cell, linen.remat, linen.jit])
@pytest.mark.parametrize("cell", [linen.LSTMCell, linen.OptimizedLSTMCell])
def test_a_lifted_cell_has_its_gates(lift, cell):
    graph = traced(linen_function(Words(lift(cell)), XS), XS, nodes=pf.gates())
    steps = [f"cell.{n}@{i}" for i in (0, 1) for n in "ifgoch"]
    assert list(map(str, graph.nodes)) == ["x", *steps, "output"]
    # Four ways into each hidden state, three to its cell that go on, four more from the first.
    assert graph.count_paths("x", "output") == 4 + (4 + 3 + 4 * 4)


class Helped(linen.Module):
    def setup(self):
        self.down = linen.Dense(3)

    @linen.nowrap
    def helper(self, x):
        return 2 * self.down(x)

    def __call__(self, x):
        return self.helper(x)


class Unwrapped(linen.Module):
    @linen.nowrap
    def __call__(self, x):
        return jnp.sin(x)


class OfUnwrapped(linen.Module):
    @linen.compact
    def __call__(self, x):
        return Unwrapped(name="bare")(linen.Dense(3)(x))


def test_what_linen_does_not_wrap_is_no_call_of_a_module():
    fn = linen_function(Helped(), X)
    methods = pf.modules(methods=("__call__", "helper"))
    assert names(fn, X, nodes=methods) == ["x", "down", "Helped", "output"]
    fn = linen_function(OfUnwrapped(), X)
    assert names(fn, X) == ["x", "Dense_0", "OfUnwrapped", "output"]


class Memory(eqx.nn.StatefulLayer):
    linear: eqx.nn.Linear
    index: eqx.nn.StateIndex

    def __init__(self, key):
        self.linear = eqx.nn.Linear(3, 3, key=key)
        self.index = eqx.nn.StateIndex(jnp.zeros(3, jnp.float32))

    def __call__(self, x, state, *, key=None):
        old = state.get(self.index)
        return self.linear(x + old), state.set(self.index, old + x)


def test_state_of_equinox_layers():
    first, second = jax.random.split(KEY)

    def make():
        layers = [Memory(first), eqx.nn.Lambda(jnp.sin), Memory(second)]
        return eqx.nn.Sequential(layers)

    model, state = eqx.nn.make_with_state(make)()
    # The new state is an output as well, a place for each layer that has one.
    states = ["layers.0.1.0", "layers.1", "layers.2.linear", "layers.2.0"]
    expected = ["x", "layers.0.linear", "layers.0.0", *states, "layers.2.1.0", "layers.2.1.1"]
    # Twice, as the user's own state is still good afterwards.
    for _ in range(2):
        graph = traced(model, X, state)
        assert [n.name for n in graph.nodes] == expected
    held = names(lambda x: model(x, state)[0].sum(), X)
    assert [*held[:9], held[-1]] == [*expected, "output"]


class Tied(eqx.Module):
    shared: eqx.nn.Shared

    def __init__(self, bias):
        layers = [eqx.nn.Linear(3, 3, bias, key=k) for k in jax.random.split(KEY)]
        self.shared = eqx.nn.Shared(layers, lambda m: m[1].weight, lambda m: m[0].weight)

    def __call__(self, x):
        first, second = self.shared()
        return second(jnp.sin(first(x))).sum()


def calling(model):
    """A function, which is not the model itself."""

    def fn(x):
        return model(x)

    return fn


@pytest.mark.parametrize("wrap", [lambda m: m, eqx.filter_jit, calling])
def test_layers_with_shared_weights_are_told_apart_by_their_other_arrays(wrap):
    found = names(wrap(Tied(bias=True)), X)
    assert found[:3] == ["x", "shared.pytree.0", "shared.pytree.1"]
    # These two share all that they have, and so are one layer that is called twice.
    found = names(wrap(Tied(bias=False)), X)
    assert found[:3] == ["x", "shared.pytree.0", "shared.pytree.0#1"]


def apply(model, x):
    return model(x)


class Branches(eqx.Module):
    layers: list

    def __call__(self, x):
        rebuilt = jax.tree.map(lambda leaf: leaf, self.layers)
        return rebuilt[1](rebuilt[0](x)).sum()


@pytest.mark.parametrize("order", [(jnp.sin, jnp.cos), (jnp.cos, jnp.sin)])
def test_rebuilt_layers_are_told_apart_by_what_they_hold(order):
    linears = [eqx.nn.Linear(3, 3, key=k) for k in jax.random.split(KEY)]
    assert names(Branches(linears), X) == ["x", "layers.0", "layers.1", "output"]
    model = Branches([eqx.nn.Lambda(f) for f in order])
    assert names(model, X) == ["x", "layers.0", "layers.1", "output"]


def test_layers_that_nothing_tells_apart_have_the_name_of_their_class():
    linears = [eqx.nn.Linear(3, 3, key=k) for k in jax.random.split(KEY)]

    class Twins(eqx.Module):
        layers: list

        def __call__(self, x):
            # Other arrays inside, of which nothing says whose they are.
            return eqx.filter_jit(apply)(self.layers[1], x).sum()

    assert names(Twins(linears), X) == ["x", "Linear", "output"]


class Net(nnx.Module):
    def __init__(self, width=3):
        rngs = nnx.Rngs(0)
        self.up, self.down = nnx.Linear(3, width, rngs=rngs), nnx.Linear(width, 3, rngs=rngs)

    def __call__(self, x):
        return self.down(jnp.sin(self.up(x))).sum()


class JittedNet(Net):
    __call__ = nnx.jit(Net.__call__)


def test_nnx_as_arguments():
    graph, state = nnx.split(Net())
    found = names(lambda state, x: nnx.merge(graph, state)(x), state, X)
    assert found == ["x", "up", "down", "Net"]


@pytest.mark.parametrize("before", [False, True])
def test_jitted_nnx(before):
    model = Net()
    graph, state = nnx.split(model)
    merged = jax.jit(lambda state, x: nnx.merge(graph, state)(x))
    jitted, applied = nnx.jit(model), nnx.jit(apply)
    if before:
        merged(state, X), jitted(X), applied(model, X)
    expected = ["x", "up", "down", "Net"]
    assert names(jitted, X) == expected
    assert names(applied, model, X) == expected
    assert names(lambda x: merged(state, x), X) == expected
    own = JittedNet(4)
    if before:
        own(X)
    assert names(own, X) == ["x", "up", "down", "output"]


class Scanned(nnx.Module):
    def __init__(self):
        @nnx.split_rngs(splits=2)
        @nnx.vmap
        def make(rngs):
            return nnx.Linear(3, 3, rngs=rngs)

        self.layers = make(nnx.Rngs(0))

    def __call__(self, x):
        @nnx.scan(in_axes=(nnx.Carry, 0), out_axes=nnx.Carry)
        def run(x, layer):
            return jnp.sin(layer(x))

        return run(x, self.layers).sum()


def test_layers_of_an_nnx_scan_have_steps():
    graph = traced(Scanned(), X)
    assert list(map(str, graph.nodes)) == ["x", "layers@0", "layers@1", "output"]


@pytest.mark.parametrize("make", [Scanned, JittedNet])
def test_an_nnx_model_that_a_function_holds_and_that_transforms_itself_is_refused_with_advice(make):
    with pytest.raises(Exception, match="different trace level") as caught:
        traced(calling(make()), X)
    assert "Trace the module itself" in "".join(caught.value.__notes__)


def in_a_stack(x):
    return hk.experimental.layer_stack(2)(lambda x: jnp.sin(hk.Linear(3)(x)))(x)


def in_a_scan(x):
    linear = hk.Linear(3)
    return hk.scan(lambda total, word: (linear(total + word), None), x[0], x[1:])[0]


def over_the_batch(x):
    return hk.vmap(hk.nets.MLP([3, 3]), split_rng=False)(x)


def computed_again(x):
    linear = hk.Linear(3)
    return hk.remat(linear)(jnp.sin(hk.remat(linear)(x)))


@pytest.mark.parametrize(
    ("net", "expected"),
    [
        (in_a_stack, ["linear@0", "linear@1"]),
        (in_a_scan, ["linear@0"]),
        (over_the_batch, ["mlp.linear_0", "mlp.linear_1", "mlp"]),
        (computed_again, ["linear", "linear#1"]),
    ],
)
def test_haiku_transformations(net, expected):
    model = hk.without_apply_rng(hk.transform(lambda x: net(x).sum()))
    parameters = parameters_of(model.init, XS)
    graph = traced(lambda x: model.apply(parameters, x), XS)
    assert list(map(str, graph.nodes)) == ["x", *expected, "output"]
