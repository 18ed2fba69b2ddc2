"""Models of each library, as the library writes them: names, gates, and the sum of all paths."""

import equinox as eqx
import haiku as hk
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen, nnx

import pathflow as pf

KEY = jax.random.key(0)
WORDS = np.random.default_rng(0).normal(size=(3, 3)).astype(np.float32)
# The model of nnx is in training mode, as it is made.
pytestmark = pytest.mark.filterwarnings("ignore::pathflow.ChangingStateWarning")


GATES = ["i", "f", "g", "o", "c", "h"]


class LinenNet(linen.Module):
    @linen.compact
    def __call__(self, words):
        x = linen.RNN(linen.OptimizedLSTMCell(4), name="rnn")(words)
        shared = linen.Dense(4, name="shared")
        return linen.Dense(1, name="read")(shared(shared(x[-1]))).sum()


class NNXNet(nnx.Module):
    def __init__(self, rngs):
        self.blocks = nnx.List([nnx.Linear(3, 3, rngs=rngs) for _ in range(2)])
        self.norm = nnx.BatchNorm(3, rngs=rngs)
        self.cell = nnx.LSTMCell(3, 4, rngs=rngs)

    def __call__(self, words):
        for block in self.blocks:
            words = nnx.relu(block(words))
        words = self.norm(words)
        carry = (jnp.zeros(4), jnp.zeros(4))
        for word in words:
            carry, out = self.cell(carry, word)
        return out.sum()


class EquinoxNet(eqx.Module):
    cell: eqx.nn.LSTMCell
    mlp: eqx.nn.MLP

    def __call__(self, words):
        zeros = jnp.zeros(4)
        (hidden, _), _ = jax.lax.scan(
            lambda carry, word: (self.cell(word, carry), None), (zeros, zeros), words
        )
        return self.mlp(hidden).sum()


def haiku_net(words):
    core = hk.LSTM(4)
    state = core.initial_state(None)
    for word in words:
        out, state = core(word, state)
    return hk.nets.MLP([4, 1])(out).sum()


def linen_case():
    model = LinenNet()
    return model, (model.init(KEY, WORDS), WORDS)


def nnx_case():
    return NNXNet(nnx.Rngs(0)), (WORDS,)


def equinox_case():
    cell = eqx.nn.LSTMCell(3, 4, key=KEY)
    return EquinoxNet(cell, eqx.nn.MLP(4, 1, 4, 1, key=KEY)), (WORDS,)


def haiku_case():
    model = hk.transform(haiku_net)
    return model, (model.init(KEY, WORDS), None, WORDS)


CASES = {
    "linen": (linen_case, "OptimizedLSTMCell_0", ["rnn", "shared", "shared#1", "read"]),
    "nnx": (nnx_case, "cell", ["blocks.0", "blocks.1", "norm"]),
    "equinox": (equinox_case, "cell", ["mlp.layers.0", "mlp.layers.1", "mlp"]),
    "haiku": (haiku_case, "lstm", ["mlp.linear_0", "mlp.linear_1", "mlp"]),
}


def names(graph):
    return [node.name for node in graph.nodes]


def check_total(graph, args):
    """All paths together are the derivative of the function as it is."""
    result = pf.attribute(graph, args, source="words", doi=pf.Point())
    assert result.audit.ok


@pytest.mark.parametrize("library", CASES)
def test_modules_are_named_by_their_paths(library):
    make, _, expected = CASES[library]
    model, args = make()
    graph = pf.trace(model, *args, nodes=pf.modules())
    found = names(graph)
    assert found[0] == "words"
    assert str(graph.default_target) == "output"
    assert [n for n in expected if n in found] == expected
    check_total(graph, args)


@pytest.mark.parametrize("library", CASES)
def test_gates_are_named_in_the_cell(library):
    make, cell, _ = CASES[library]
    model, args = make()
    graph = pf.trace(model, *args, nodes=pf.gates())
    steps = {name.split("#")[0] for name in names(graph)} - {"words", "output"}
    assert steps == {f"{cell}.{gate}" for gate in GATES}
    # A new cell leads to the new hidden state; and it is one node, not one inside and one outside.
    labels = {(str(u).split("#")[0], str(v).split("#")[0]) for u, v in graph.edges}
    assert any(u.startswith(f"{cell}.c") and v.startswith(f"{cell}.h") for u, v in labels)
    assert not any(u.startswith(f"{cell}.g") and v.startswith(f"{cell}.h") for u, v in labels)
    check_total(graph, args)


def test_a_jitted_function_that_has_run_keeps_its_modules():
    model, args = equinox_case()
    jitted = eqx.filter_jit(model)
    jitted(*args)
    assert "mlp.layers.0" in names(pf.trace(jitted, *args, nodes=pf.modules()))


def test_the_model_of_the_user_is_left_as_it_was():
    model, args = nnx_case()
    before = np.asarray(model.norm.mean[...])
    call = nnx.Linear.__call__
    with pytest.warns(pf.ChangingStateWarning, match="norm.mean"):
        pf.trace(model, *args, nodes=pf.modules())
    assert nnx.Linear.__call__ is call
    np.testing.assert_array_equal(np.asarray(model.norm.mean[...]), before)


def test_gates_with_other_activations_cannot_be_told_apart():
    cell = nnx.LSTMCell(3, 4, gate_fn=nnx.hard_sigmoid, rngs=nnx.Rngs(0))

    def fn(word):
        return cell((jnp.zeros(4), jnp.zeros(4)), word)[1].sum()

    with pytest.raises(pf.TraceError, match="activation functions of its own"):
        pf.trace(fn, WORDS[0], nodes=pf.gates())


@pytest.mark.parametrize("library", CASES)
def test_a_new_cell_is_an_output_of_its_module_with_gates_or_without(library):
    make, cell, _ = CASES[library]
    model, args = make()
    for nodes in (pf.modules(), pf.gates(), pf.modules() | pf.gates("*.i"), pf.gates("*.c")):
        found = {name.split("#")[0] for name in names(pf.trace(model, *args, nodes=nodes))}
        assert f"{cell}.c" in found, nodes


class Squashing(eqx.Module):
    weight: jax.Array

    def __call__(self, word, carry):
        gate = jax.nn.sigmoid(self.weight @ word)
        carry = gate * carry + word
        return carry, jnp.tanh(carry)


OWN = f"{Squashing.__module__}:{Squashing.__qualname__}"


CELL = Squashing(jnp.eye(3, dtype=jnp.float32))


def squashed(word):
    return CELL(word, jnp.ones(3, jnp.float32))[1].sum()


@pytest.mark.parametrize(
    ("read_inside", "edges"),
    [({}, {"Squashing.z Squashing.h"}), ({"c": "tanh"}, {"Squashing.c Squashing.h"})],
)
def test_a_recipe_of_ones_own_says_what_the_cell_reads(read_inside, edges):
    recipe = pf.tracing.CellRecipe(
        OWN, (("z", "logistic"),), {"tanh": 1}, {"0": "c", "1": "h"}, read_inside
    )
    pf.tracing.register_recipe(recipe)
    graph = pf.trace(squashed, WORDS[0], nodes=pf.gates())
    into = {f"{u} {v}" for u, v in graph.edges if str(v) == "Squashing.h"}
    assert edges <= into
    assert ("Squashing.z Squashing.h" in into) == (not read_inside)
    assert pf.attribute(graph, (WORDS[0],), source="word", doi=pf.Point()).audit.ok


@pytest.mark.parametrize(
    "read_inside", [{"c": "logistic"}, {"c": "sin"}, {"c": "tanh", "d": "tan"}]
)
def test_a_recipe_that_does_not_fit_its_cell_is_refused(read_inside):
    pf.tracing.register_recipe(
        pf.tracing.CellRecipe(
            OWN, (("z", "logistic"),), {"tanh": 1}, {"0": "c", "1": "h"}, read_inside
        )
    )
    with pytest.raises(pf.TraceError, match="correct read_inside"):
        pf.trace(squashed, WORDS[0], nodes=pf.gates())


def test_selectors_join_and_choose():
    def fn(x):
        return pf.tag(jnp.tanh(x), "t").sum() + jnp.sin(x).sum()

    x = WORDS[0]
    joined = pf.trace(fn, x, nodes=pf.tagged() | pf.primitives("sin"))
    assert names(joined) == ["x", "t", "sin", "output"]
    chosen = pf.by(
        lambda v: "s" if isinstance(v.origin, pf.EquationOutput) and v.name == "sin" else False
    )
    assert names(pf.trace(fn, x, nodes=chosen)) == ["x", "s", "output"]
