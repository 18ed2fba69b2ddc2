"""In which direction a node is differentiated, by what JAX says and not by what stands in it."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import pathflow as pf
from pathflow import DerivativeMode

X = jnp.array([0.3, -1.2, 0.7])
A = jnp.array([[2.0, 0.3, -0.4], [0.1, 1.5, 0.2], [-0.3, 0.4, 3.0]])


def doubled(v):
    return lax.while_loop(lambda c: (c * c).sum() < 40, lambda c: c * 2, v)


def called(v):
    shape = jax.ShapeDtypeStruct(v.shape, v.dtype)
    return jax.pure_callback(np.cos, shape, v, vmap_method="broadcast_all")


@jax.custom_vjp
def pulled(v):
    return jnp.sin(v)


pulled.defvjp(lambda v: (jnp.sin(v), v), lambda v, g: (2 * g * v,))


def with_rule(fn):
    """The function, with the derivative of a multiplication by 3."""
    ruled = jax.custom_jvp(fn)
    ruled.defjvp(lambda primals, tangents: (fn(*primals), 3 * tangents[0]))
    return ruled


def solved(v, **transposed):
    return lax.custom_linear_solve(
        lambda u: A @ u, v, lambda _, b: jnp.linalg.inv(A) @ b, **transposed
    )


CASES = {
    "plain": (jnp.sin, DerivativeMode.BOTH),
    "custom_jvp": (with_rule(jnp.sin), DerivativeMode.BOTH),
    "custom_jvp around while": (with_rule(doubled), DerivativeMode.BOTH),
    "custom_jvp around callback": (with_rule(called), DerivativeMode.BOTH),
    "custom_vjp": (pulled, DerivativeMode.REVERSE),
    "custom_vjp in scan": (
        lambda v: lax.scan(lambda c, _: (pulled(c), None), v, None, length=2)[0],
        DerivativeMode.REVERSE,
    ),
    "while": (doubled, DerivativeMode.FORWARD),
    "while in scan": (
        lambda v: lax.scan(lambda c, _: (doubled(c), None), v, None, length=2)[0],
        DerivativeMode.FORWARD,
    ),
    "scan": (
        lambda v: lax.scan(lambda c, _: (jnp.sin(c), None), v, None, length=2)[0],
        DerivativeMode.BOTH,
    ),
    "linear solve": (partial(jnp.linalg.solve, A), DerivativeMode.BOTH),
    "conjugate gradients, a while inside": (
        lambda v: jax.scipy.sparse.linalg.cg(lambda u: A @ (A.T @ u), v, maxiter=9)[0],
        DerivativeMode.BOTH,
    ),
    "linear solve without transpose": (solved, DerivativeMode.FORWARD),
    "callback": (called, DerivativeMode.NONE),
    "callback whose value alone matters": (
        lambda v: v * lax.stop_gradient(called(lax.stop_gradient(v))),
        DerivativeMode.BOTH,
    ),
    "custom_vjp and while": (lambda v: doubled(pulled(v)), DerivativeMode.NONE),
}


def around(fn):
    return lambda x: pf.tag(fn(pf.tag(jnp.sin(x), "a")), "b").sum()


@pytest.mark.parametrize(("fn", "mode"), CASES.values(), ids=CASES)
class TestOneNode:
    def test_its_mode(self, fn, mode):
        traced = pf.trace(around(fn), X)
        assert traced.derivative_mode("b") is mode
        assert traced.derivative_mode("a") is traced.derivative_mode("x") is DerivativeMode.BOTH
        assert (f"; {mode.value}: b)" in repr(traced)) == (mode is not DerivativeMode.BOTH)

    def test_both_directions_are_taken_whatever_it_is(self, fn, mode):
        """Pushed and pulled: `Enumerate` against `Conductance`, and both against JAX."""
        traced, ask = pf.trace(around(fn), X), {"source": "x", "doi": pf.Point()}
        if mode is DerivativeMode.NONE:
            with pytest.raises(pf.NotDifferentiableError, match=r"node 'b'.*'a'.*(while|callback)"):
                pf.attribute(traced, (X,), **ask)
            return
        result = pf.attribute(traced, (X,), **ask)
        flows = pf.attribute(traced, (X,), **ask, search=pf.Conductance())
        if mode is DerivativeMode.REVERSE:
            wanted = jnp.vdot(jax.grad(around(fn))(X), X)
        else:
            wanted = jax.jvp(around(fn), (X,), (X,))[1]
        assert result.audit.ok
        np.testing.assert_allclose(result.total, wanted, rtol=1e-10)
        np.testing.assert_allclose(flows.through("b"), wanted, rtol=1e-10)


def test_edges_of_one_node_may_have_different_modes():
    """One predecessor through a `while`, the other through a custom vjp rule: each edge alone is
    differentiable, and their sum is.
    """

    def fn(x):
        a, b = pf.tag(jnp.sin(x), "a"), pf.tag(jnp.cos(x), "b")
        return pf.tag(doubled(a) + pulled(b), "c").sum()

    traced = pf.trace(fn, X)
    assert traced.derivative_mode("c") is DerivativeMode.NONE
    result = pf.attribute(traced, (X,), source="x", doi=pf.Point())
    through_a = jax.jvp(lambda x: doubled(jnp.sin(x)).sum(), (X,), (X,))[1]
    through_b = jnp.vdot(jax.grad(lambda x: pulled(jnp.cos(x)).sum())(X), X)
    np.testing.assert_allclose(result["x a c output"], through_a, rtol=1e-12)
    np.testing.assert_allclose(result["x b c output"], through_b, rtol=1e-12)


def test_a_callback_beside_the_paths_is_no_obstacle():
    def fn(x):
        a = pf.tag(jnp.sin(x), "a")
        return (a * called(lax.stop_gradient(x))).sum()

    result = pf.attribute(pf.trace(fn, X), (X,), source="x", doi=pf.Point())
    np.testing.assert_allclose(result.total, (jnp.cos(X) * X * jnp.cos(X)).sum(), rtol=1e-12)
    assert result.audit.ok


def test_a_callback_must_take_a_batch():
    """Points are evaluated together, and JAX must be told how a callback does that."""

    def fn(x):
        still = lax.stop_gradient(x)
        alone = jax.pure_callback(np.cos, jax.ShapeDtypeStruct((3,), x.dtype), still)
        return (pf.tag(jnp.sin(x), "a") * alone).sum()

    traced = pf.trace(fn, X)
    with pytest.raises(pf.TraceError, match=r"pure_callback.*vmap_method="):
        pf.attribute(traced, (X,), source="x", doi=pf.Point())
    with pytest.raises(pf.TraceError, match=r"pure_callback.*vmap_method="):
        pf.aggregate(fn, (X,), {"a": ".* a .*"}, source="x", doi=pf.Point())


def test_streaming_names_the_callback():
    with pytest.raises(pf.NotDifferentiableError, match=r"pure_callback.*custom_jvp"):
        pf.aggregate(around(called), (X,), {"b": ".* b .*"}, source="x", doi=pf.Point())


def test_an_unknown_node():
    with pytest.raises(pf.UnknownNodeError, match="'c'"):
        pf.trace(around(jnp.sin), X).derivative_mode("c")
