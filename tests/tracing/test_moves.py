"""Values that are only moved are followed entry by entry, so a node is joined to what it reads."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import pathflow as pf
from tests.helpers import PATH_COUNTS, lstm_by_layer, lstm_by_step, lstm_params

A, B = jnp.array([0.3, -1.2, 0.7, 0.1]), jnp.array([1.1, 0.4, -0.6, 0.9])


def readers(move):
    """Which of the nodes `a` and `b` a tag of the moved value reads."""

    def fn(a, b):
        return pf.tag(move(pf.tag(a * 2, "u"), pf.tag(b * 3, "v")), "t").sum()

    traced = pf.trace(fn, A, B)
    return {str(u) for u, v in traced.edges if str(v) == "t"}


@pytest.mark.parametrize(
    ("move", "expected"),
    [
        (lambda u, v: jnp.stack([u, v])[0], "u"),
        (lambda u, v: jnp.stack([u, v], axis=1)[:, 1], "v"),
        (lambda u, v: jnp.concatenate([u, v])[:4], "u"),
        (lambda u, v: jnp.concatenate([u, v])[4:], "v"),
        (lambda u, v: jnp.concatenate([u, v])[3:5], "uv"),
        (lambda u, v: jnp.split(jnp.concatenate([u, v]), 2)[1], "v"),
        (lambda u, v: jnp.concatenate([u, v])[::-1][:4], "v"),
        (lambda u, v: jnp.concatenate([u, v]).reshape(2, 4)[1], "v"),
        (lambda u, v: jnp.concatenate([u, v]).reshape(2, 2, 2)[1, 0], "v"),
        (lambda u, v: jnp.concatenate([u, v]).reshape(2, 4).T[:, 0], "u"),
        (lambda u, v: jnp.concatenate([u, v]).reshape(4, 2).T.reshape(-1)[jnp.array([0, 1])], "u"),
        (lambda u, v: jnp.concatenate([u, v])[jnp.array([0, 5])], "uv"),
        (lambda u, v: jnp.concatenate([u, v])[np.array([6, 4, 6])], "v"),
        (lambda u, v: jnp.take(jnp.stack([u, v]), 1, axis=0), "v"),
        (lambda u, v: jnp.pad(u, (2, 1))[:2] + v[:2], "v"),
        (lambda u, v: jnp.pad(jnp.concatenate([u, v]), 3)[3:7], "u"),
        (lambda u, v: jnp.tile(jnp.stack([u, v]), (2, 1))[2], "u"),
        (lambda u, v: jnp.repeat(jnp.stack([u, v]), 2, axis=0)[3], "v"),
        (lambda u, v: jnp.broadcast_to(u, (3, 4))[1], "u"),
        (lambda u, v: lax.dynamic_slice(jnp.concatenate([u, v]), (4,), (3,)), "v"),
        (lambda u, v: lax.dynamic_index_in_dim(jnp.stack([u, v]), jnp.int32(0), 0), "u"),
        (lambda u, v: jnp.zeros((2, 4)).at[0].set(u).at[1].set(v)[1], "v"),
        (lambda u, v: lax.dynamic_update_slice(jnp.concatenate([u, v]), v[:2], (0,))[:2], "v"),
        (lambda u, v: lax.dynamic_update_slice(u, v, (0,)), "v"),
        (lambda u, v: u[:1].at[0].set(v[0]), "v"),
        (lambda u, v: jnp.squeeze(jnp.expand_dims(jnp.stack([u, v]), 1))[1], "v"),
        (lambda u, v: jnp.roll(jnp.concatenate([u, v]), 4)[:4], "v"),
        (lambda u, v: jnp.flip(jnp.stack([u, v]), 0)[0], "v"),
        (lambda u, v: jnp.moveaxis(jnp.stack([u, v]), 0, 1)[:, 0], "u"),
        (lambda u, v: sum(jnp.split(jnp.stack([u, v])[0], 2)), "u"),
        (lambda u, v: jax.jit(lambda u, v: jnp.stack([u, v]))(u, v)[1], "v"),
        (lambda u, v: jax.vmap(lambda w: w[::-1])(jnp.stack([u, v]))[0], "u"),
        (lambda u, v: lax.scan(lambda c, w: (c, w), 0.0, jnp.stack([u, v]))[1].sum(), "uv"),
    ],
)
def test_only_the_nodes_that_are_read_are_joined(move, expected):
    assert readers(move) == set(expected)


def test_a_slice_of_a_product_reads_only_its_rows():
    """The gates of a fused kernel: a slice goes back through the sum and the product it cuts."""
    kernel = jnp.asarray(np.random.default_rng(0).normal(size=(4, 8)))

    def fn(a, b):
        u, v = pf.tag(a * 2, "u"), pf.tag(b * 3, "v")
        parts = jnp.split(jnp.concatenate([u @ kernel[:, :4], v @ kernel[:, 4:]]), 2)
        return pf.tag(parts[0], "left").sum() + pf.tag(parts[1], "right").sum()

    traced = pf.trace(fn, A, B)
    assert {(str(u), str(v)) for u, v in traced.edges} >= {("u", "left"), ("v", "right")}
    assert traced.count_paths("a", "output") == 1


def test_a_stacked_output_of_a_scan_is_read_step_by_step():
    def fn(a):
        _, ys = lax.scan(lambda c, _: (c, pf.tag(jnp.sin(c), "y")), a, None, length=4)
        return jnp.stack([pf.tag(jnp.cos(ys[t]), f"z{t}") for t in range(4)]).sum()

    traced = pf.trace(fn, A)
    pairs = {(str(u), str(v)) for u, v in traced.edges if str(u).startswith("y@")}
    assert pairs == {(f"y@{t}", f"z{t}") for t in range(4)}


def test_the_arrays_that_a_scan_goes_through_are_read_step_by_step():
    """Step t of the second loop reads step t of the first, also backwards."""

    def fn(a):
        _, ys = lax.scan(lambda c, _: (c, pf.tag(jnp.sin(c), "y")), a, None, length=3)
        _, zs = lax.scan(lambda c, y: (c, pf.tag(y**2, "z")), 0.0, ys, reverse=True)
        return zs.sum()

    traced = pf.trace(fn, A)
    pairs = {(str(u), str(v)) for u, v in traced.edges if str(u).startswith("y@")}
    assert pairs == {(f"y@{t}", f"z@{t}") for t in range(3)}


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("lstm", [lstm_by_step, lstm_by_layer])
def test_stacked_layers_are_joined_step_by_step(lstm, steps):
    """The paper's counts of paths, whichever way the layers are looped over."""
    traced = pf.trace(lstm, lstm_params(2, 3, 4, steps))
    assert traced.count_paths("x@0", "qoi") == PATH_COUNTS[steps]


def test_both_ways_of_looping_give_one_graph():
    params = lstm_params(2, 3, 4, 3)
    graphs = [pf.trace(lstm, params).graph for lstm in (lstm_by_step, lstm_by_layer)]
    edges = [{(str(u), str(v)) for u, v in graph.edges} for graph in graphs]
    assert edges[0] == edges[1]


def test_a_logit_of_a_long_chain():
    """Of a residual stream without a tag, every value of which is read twice: work that doubles
    with each layer would not end, and recursion would exhaust the stack.
    """
    layers = 400

    def chain(x):
        y = pf.tag(x, "y")
        for _ in range(layers):
            y = y + jnp.tanh(y)
        return y

    traced = pf.trace(chain, A, qoi=pf.Logit(2))
    equations = traced.functions[traced.node("qoi")].computes.equations
    # Of each layer, the one entry that is asked for.
    assert sum(e.primitive.name == "tanh" for e in equations) == layers
    assert all(e.outputs[0].size == 1 for e in equations)
