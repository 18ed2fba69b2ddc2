"""What the sparsity of a partial promises, against its Jacobian written out."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from jax import lax

import pathflow as pf
from pathflow.evaluation import Activations, edge_partials
from pathflow.tracing import Sparsity, Value, structure_of
from tests.helpers import lstm_by_step, lstm_params, programs

ZERO, DIAGONAL, SELECTION, BLOCKS, DENSE = Sparsity


def check(traced, args):
    """The sparsity of every edge, each of whose Jacobians is zero where its structure says so."""
    partials = edge_partials(traced, traced.edges)
    context = traced.context([Value(jnp.asarray(a)) for a in jax.tree.leaves(args)])
    _, applied = Activations(traced, traced.nodes, (), partials, guards=False)(context, {})
    found = {}
    for (u, v), partial in partials.items():
        jacobian = dense(applied[u, v], u)
        for function in (None, traced.functions[v]):
            structure = structure_of(partial, function)
            assert not jacobian[~structure.mask()].any()
        found[str(u), str(v)] = structure.sparsity
    return found


def dense(applied, u):
    """The Jacobian of one partial, (size out, size in)."""
    n = applied.key[1]

    def push(tangent):
        return applied.partial.push(applied.arrays[:n], applied.arrays[n:], tangent)

    basis = jnp.eye(int(np.prod(u.shape)), dtype=u.dtype).reshape(-1, *u.shape)
    return np.asarray(jax.vmap(push)(basis)).reshape(len(basis), -1).T


def edge(fn, shape=(2, 3)):
    """The sparsity of the one edge `x -> y`, checked against the Jacobian."""
    args = (jnp.asarray(np.random.default_rng(0).normal(size=shape)),)
    traced = pf.trace(lambda x: pf.tag(fn(x), "y").sum(), *args, inputs=["x"])
    return check(traced, args).get(("x", "y"))


def conditional(x):
    return lax.cond(x[0, 0] > 0, jnp.sin, jnp.cos, x)


@pytest.mark.parametrize(
    ("fn", "expected"),
    [
        (jnp.tanh, DIAGONAL),
        (lambda x: x * jnp.arange(6.0).reshape(2, 3) - 2 * x, DIAGONAL),
        (lambda x: jnp.where(x > 0.1, x, -x), DIAGONAL),
        (lambda x: jnp.float64(0.5) * x.astype(jnp.float32).astype(jnp.float64), DIAGONAL),
        (lambda x: jnp.sin(x).reshape(6), DIAGONAL),
        (lambda x: x[None, :, None].squeeze(0), DIAGONAL),
        (lambda x: x[:, None].transpose(1, 0, 2).sum(0), DIAGONAL),
        (jax.jit(jax.nn.gelu), DIAGONAL),
        (jax.checkpoint(lambda x: jnp.sin(jnp.cos(x))), DIAGONAL),
        (lambda x: x + lax.stop_gradient(x.T.reshape(2, 3)), DIAGONAL),
        (lambda x: x * lax.stop_gradient(x.sum()), DIAGONAL),
        (lambda x: x * x.sum(), DENSE),
        (lambda x: x.T, SELECTION),
        (lambda x: x.T.reshape(2, 3), SELECTION),
        (lambda x: x[::-1], SELECTION),
        (lambda x: x[:1], SELECTION),
        (lambda x: x[np.array([1, 1, 0])], SELECTION),
        (lambda x: jnp.broadcast_to(x[:1], (2, 3)), SELECTION),
        (lambda x: x - x.mean(), DENSE),
        (lambda x: x.sum(0), BLOCKS),
        (lambda x: jnp.cumsum(x, axis=0), BLOCKS),
        (lambda x: jax.nn.softmax(x, axis=1), BLOCKS),
        (lambda x: x @ jnp.ones((3, 3)), BLOCKS),
        (lambda x: jnp.ones((3, 6)) @ x.ravel(), DENSE),
        (jnp.sign, ZERO),
        (conditional, DIAGONAL),
    ],
)
def test_functions(fn, expected):
    assert edge(fn) == expected


def test_a_scalar_of_a_scalar_is_diagonal_whatever_computes_it():
    assert edge(lambda x: lax.cond(x > 0, jnp.sin, jnp.cos, x), shape=()) == DIAGONAL
    assert edge(lambda x: jnp.broadcast_to(x, (2,)), shape=()) == SELECTION


def test_a_rule_that_jax_only_pulls_through():
    @jax.custom_vjp
    def double(x):
        return 2 * x

    double.defvjp(lambda x: (double(x), None), lambda _, ct: (2 * ct,))
    assert edge(double) == DIAGONAL
    assert edge(lambda x: double(x)[1:, ::-1]) == SELECTION
    assert edge(lambda x: jnp.cumsum(double(x), axis=1)) == BLOCKS


def test_an_edge_of_a_graph():
    x = jnp.ones(3)
    traced = pf.trace(lambda x: pf.tag(jnp.cumsum(pf.tag(x * 2, "a")), "b").sum(), x)
    structure = traced.structure("a", "b")
    assert structure.sparsity is DENSE
    assert structure.shapes == ((3,), (3,))
    np.testing.assert_array_equal(structure.mask(), np.tri(3, dtype=bool))
    assert traced.structure("x", "a").sparsity is DIAGONAL
    with pytest.raises(pf.GraphError, match="no edge from 'x' to 'b'; into the latter .* a"):
        traced.structure("x", "b")


def test_the_gates_of_an_lstm():
    params = lstm_params(2, embed=3, hidden=3, steps=2)
    found = check(pf.trace(lstm_by_step, params), (params,))
    for (u, v), kind in found.items():
        name = u.split("@")[0]
        assert kind == (DENSE if name in ("x", "h0", "h1") else DIAGONAL), (u, v)


@given(programs())
@settings(max_examples=settings().max_examples // 10)
def test_random_programs(program):
    args = program.args()
    check(pf.trace(program.function(), *args), args)
