"""Gates of library cells hold what a cell written down in NumPy computes from the parameters, and
an LSTM over steps has as many paths as its equations say.
"""

import equinox as eqx
import haiku as hk
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen, nnx

import pathflow as pf
from tests.helpers._lstm import PATH_COUNTS

KEY = jax.random.key(0)
RANDOM = np.random.default_rng(0)
X, C, H = (RANDOM.normal(size=n).astype(np.float32) for n in (3, 4, 4))


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def lstm(weights):
    """The nodes of an LSTM cell; `weights[gate] = (input, recurrent, bias)`, as `w @ x`."""
    x, c, h = (v.astype(np.float64) for v in (X, C, H))
    z = {gate: wx @ x + wh @ h + b for gate, (wx, wh, b) in weights.items()}
    values = {gate: np.tanh(v) if gate == "g" else sigmoid(v) for gate, v in z.items()}
    values["c"] = values["f"] * c + values["i"] * values["g"]
    values["h"] = values["o"] * np.tanh(values["c"])
    return values


def gru(weights, reset_first=False, keep=True):
    """The nodes of a GRU cell; `weights[gate]` is the input's, the recurrent part's, and
    the biases of both.

    Arguments:
        weights: by gate.
        reset_first: whether the reset gate scales the old state before its product.
        keep: whether `z` is the part of the old state that is kept, or the part that is replaced.
    """
    x, h = X.astype(np.float64), H.astype(np.float64)
    sides = {gate: (wx @ x + b, wh, inner) for gate, (wx, wh, b, inner) in weights.items()}
    values = {}
    for gate in "rz":
        outer, wh, inner = sides[gate]
        values[gate] = sigmoid(outer + wh @ h + inner)
    outer, wh, inner = sides["n"]
    r, z = values["r"], values["z"]
    values["n"] = np.tanh(outer + (wh @ (r * h) if reset_first else r * (wh @ h + inner)))
    old, new = (z, 1 - z) if keep else (1 - z, z)
    return {**values, "h": old * h + new * values["n"]}


def filled(tree):
    """Random values for all parameters: biases that are zero would hide a wrong one."""
    leaves, structure = jax.tree_util.tree_flatten(tree)
    made = [jnp.asarray(RANDOM.normal(size=v.shape), jnp.float32) for v in leaves]
    return jax.tree_util.tree_unflatten(structure, made)


def number(x):
    return np.asarray(x, np.float64)


def linen_case(cell, gates):
    carry = (C, H) if "g" in gates else H
    variables = filled(cell.init(KEY, carry, X))
    p = jax.tree.map(number, variables["params"])

    def weights(gate):
        wx, wh = p[f"i{gate}"], p[f"h{gate}"]
        zero = np.zeros(4)
        return wx["kernel"].T, wh["kernel"].T, wx.get("bias", zero), wh.get("bias", zero)

    return lambda x: cell.apply(variables, carry, x)[1].sum(), {g: weights(g) for g in gates}


def nnx_case(cell, gates):
    carry = (C, H) if "g" in gates else H
    graph, state = nnx.split(cell)
    state = filled(state)
    cell = nnx.merge(graph, state)
    zero = np.zeros(4)

    def bias(layer):
        return zero if layer.bias is None else number(layer.bias[...])

    if hasattr(cell, "dense_i"):
        wx, wh = (number(d.kernel[...]).T for d in (cell.dense_i, cell.dense_h))
        bx, bh = (
            np.zeros(len(wx)) if d.bias is None else number(d.bias[...])
            for d in (cell.dense_i, cell.dense_h)
        )
        parts = [np.split(v, len(gates)) for v in (wx, wh, bx, bh)]
        weights = dict(zip(gates, zip(*parts, strict=True), strict=True))
    else:
        weights = {}
        for gate in gates:
            i, h = getattr(cell, "if_" if gate == "f" else f"i{gate}"), getattr(cell, f"h{gate}")
            weights[gate] = (
                number(i.kernel[...]).T,
                number(h.kernel[...]).T,
                bias(i),
                bias(h),
            )
    return lambda x: cell(carry, x)[1].sum(), weights


def linen_lstm(kind):
    fn, weights = linen_case(kind(4), "ifgo")
    return fn, lstm({g: (wx, wh, b + inner) for g, (wx, wh, b, inner) in weights.items()})


def nnx_lstm(kind):
    fn, weights = nnx_case(kind(3, 4, rngs=nnx.Rngs(0)), "ifgo")
    return fn, lstm({g: (wx, wh, b + inner) for g, (wx, wh, b, inner) in weights.items()})


def linen_gru():
    fn, weights = linen_case(linen.GRUCell(4), "rzn")
    return fn, gru(weights)


def nnx_gru():
    fn, weights = nnx_case(nnx.GRUCell(3, 4, rngs=nnx.Rngs(0)), "rzn")
    return fn, gru(weights)


def equinox_lstm():
    cell = filled(eqx.nn.LSTMCell(3, 4, key=KEY))
    parts = [np.split(number(v), 4) for v in (cell.weight_ih, cell.weight_hh, cell.bias)]
    weights = dict(zip("ifgo", zip(*parts, strict=True), strict=True))
    return lambda x: cell(x, (H, C))[0].sum(), lstm(weights)


def equinox_gru():
    cell = filled(eqx.nn.GRUCell(3, 4, key=KEY))
    parts = [np.split(number(v), 3) for v in (cell.weight_ih, cell.weight_hh, cell.bias)]
    inner = [np.zeros(4), np.zeros(4), number(cell.bias_n)]
    weights = dict(zip("rzn", zip(*parts, inner, strict=True), strict=True))
    return lambda x: cell(x, H).sum(), gru(weights)


def haiku_lstm():
    model = hk.transform(lambda x: hk.LSTM(4)(x, hk.LSTMState(hidden=H, cell=C))[0].sum())
    params = filled(model.init(KEY, X))
    (linear,) = params.values()
    w, b = (np.split(number(linear[k]).T, 4) for k in "wb")
    weights = {g: (w[k][:, :3], w[k][:, 3:], b[k] + (g == "f")) for k, g in enumerate("igfo")}
    return lambda x: model.apply(params, None, x), lstm(weights)


def haiku_gru():
    model = hk.transform(lambda x: hk.GRU(4)(x, H)[0].sum())
    params = filled(model.init(KEY, X))
    (own,) = params.values()
    parts = [np.split(number(own[k]).T, 3) for k in ("w_i", "w_h", "b")]
    weights = dict(zip("zrn", zip(*parts, [np.zeros(4)] * 3, strict=True), strict=True))
    return lambda x: model.apply(params, None, x), gru(weights, reset_first=True, keep=False)


CELLS = {
    "linen LSTMCell": lambda: linen_lstm(linen.LSTMCell),
    "linen OptimizedLSTMCell": lambda: linen_lstm(linen.OptimizedLSTMCell),
    "linen GRUCell": linen_gru,
    "nnx LSTMCell": lambda: nnx_lstm(nnx.LSTMCell),
    "nnx OptimizedLSTMCell": lambda: nnx_lstm(nnx.OptimizedLSTMCell),
    "nnx GRUCell": nnx_gru,
    "equinox LSTMCell": equinox_lstm,
    "equinox GRUCell": equinox_gru,
    "haiku LSTM": haiku_lstm,
    "haiku GRU": haiku_gru,
}


@pytest.mark.parametrize("cell", CELLS)
def test_nodes_hold_what_the_equations_of_the_cell_say(cell):
    fn, expected = CELLS[cell]()
    graph = pf.trace(fn, X, nodes=pf.gates())
    values = pf.activations(graph, (X,))
    found = {
        node.name.rsplit(".")[-1]: np.asarray(value)
        for node, value in values.items()
        if "." in node.name
    }
    assert found.keys() == expected.keys()
    for gate, value in expected.items():
        np.testing.assert_allclose(found[gate], value, rtol=2e-5, atol=1e-6, err_msg=gate)


class Stacked(eqx.Module):
    cells: list

    def __call__(self, first, rest):
        zeros = jnp.zeros(2, jnp.float32)
        states = [(zeros, zeros) for _ in self.cells]
        for word in [first, *rest]:
            below = word
            for layer, cell in enumerate(self.cells):
                states[layer] = cell(below, states[layer])
                below = states[layer][0]
        return states[-1][0].sum()


class StackedNNX(nnx.Module):
    def __init__(self, layers):
        self.cells = nnx.List([nnx.LSTMCell(2, 2, rngs=nnx.Rngs(i)) for i in range(layers)])

    def __call__(self, first, rest):
        zeros = jnp.zeros(2, jnp.float32)
        states = [(zeros, zeros) for _ in self.cells]
        for word in [first, *rest]:
            below = word
            for layer, cell in enumerate(self.cells):
                states[layer], below = cell(states[layer], below)
        return states[-1][1].sum()


def stacked_equinox(layers):
    keys = jax.random.split(KEY, layers)
    return Stacked([eqx.nn.LSTMCell(2, 2, key=k) for k in keys])


def paths(layers, steps):
    """Paths from the first word to the last hidden state of the top layer, by counting along the
    equations: `i`, `f` and `g` lead from what a cell reads to `c`, `o` to `h`, and `c` to `h` and
    to the next `c`.
    """
    below = [1, *[0] * (steps - 1)]
    for _ in range(layers):
        c, h, hidden = 0, 0, []
        for entering in below:
            read = entering + h
            c = c + 3 * read
            h = c + read
            hidden.append(h)
        below = hidden
    return below[-1]


def test_the_counting_is_that_of_the_paper():
    assert {steps: paths(2, steps) for steps in PATH_COUNTS} == PATH_COUNTS


@pytest.mark.parametrize("make", [stacked_equinox, StackedNNX])
@pytest.mark.parametrize(("layers", "steps"), [(1, 1), (1, 3), (2, 2), (2, 3), (2, 4)])
def test_an_lstm_over_steps_has_as_many_paths_as_its_equations_say(make, layers, steps):
    words = RANDOM.normal(size=(steps, 2)).astype(np.float32)
    graph = pf.trace(make(layers), words[0], words[1:], nodes=pf.gates(), inputs=["first"])
    assert graph.count_paths("first", "output") == paths(layers, steps)
