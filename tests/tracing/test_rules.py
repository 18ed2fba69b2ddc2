"""What has a derivative rule of its own keeps it, even where the rule is not the derivative."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pathflow as pf

X = jnp.array([0.3, -1.2, 0.7])


@jax.custom_jvp
def odd_jvp(x):
    return jnp.sin(x)


odd_jvp.defjvp(lambda primals, tangents: (jnp.sin(primals[0]), 100 * tangents[0]))


@jax.custom_vjp
def odd_vjp(x):
    return jnp.sin(x)


odd_vjp.defvjp(lambda x: (jnp.sin(x), None), lambda _, cotangent: (100 * cotangent,))


def total(fn, x=X):
    traced = pf.trace(fn, x)
    return pf.attribute(traced, (x,), source="x", doi=pf.Point(direction=jnp.ones_like(x))).total


@pytest.mark.parametrize("rule", [odd_jvp, odd_vjp])
def test_the_rule_wins_over_the_derivative(rule):
    found = total(lambda x: pf.tag(rule(pf.tag(2 * x, "a")), "b").sum())
    assert found == pytest.approx(2 * 100 * 3)


@pytest.mark.parametrize("rule", [odd_jvp, odd_vjp])
def test_the_rule_holds_inside_loops_and_calls(rule):
    def body(c, _):
        return jax.jit(lambda v: pf.tag(rule(v), "s"))(c), None

    found = total(lambda x: jax.lax.scan(body, x, None, length=2)[0].sum())
    assert found == pytest.approx(100 * 100 * 3)


def test_both_kinds_meet_on_one_path():
    found = total(lambda x: pf.tag(odd_jvp(pf.tag(odd_vjp(pf.tag(x, "a")), "b")), "c").sum())
    assert found == pytest.approx(100 * 100 * 3)


def test_a_rule_of_a_library_is_kept():
    """`jax.nn.relu` has derivative 0 at 0 by its rule; differentiating `maximum` would give 1/2."""
    found = total(lambda x: pf.tag(jax.nn.relu(pf.tag(x, "a")), "b").sum(), jnp.zeros(3))
    assert found == 0


@pytest.mark.parametrize("kind", [jax.custom_jvp, jax.custom_vjp])
def test_tags_inside_a_rule_are_ignored_with_a_warning(kind):
    @kind
    def inner(x):
        return pf.tag(jnp.sin(x), "hidden")

    if kind is jax.custom_jvp:
        inner.defjvp(lambda p, t: (jnp.sin(p[0]), t[0]))
    else:
        inner.defvjp(lambda x: (jnp.sin(x), None), lambda _, c: (c,))

    with pytest.warns(UserWarning, match="custom_.*tags"):
        traced = pf.trace(lambda x: pf.tag(inner(x), "seen").sum(), X)
    assert [str(node) for node in traced.nodes] == ["x", "seen", "output"]


def test_stop_gradient_cuts_an_edge_and_is_noted():
    def fn(x):
        a = pf.tag(x * 2, "a")
        return pf.tag(a * jax.lax.stop_gradient(pf.tag(x**2, "b")), "c").sum()

    traced = pf.trace(fn, X)
    assert ("b", "c") not in {(str(u), str(v)) for u, v in traced.edges}
    result = pf.attribute(traced, (X,), source="x", doi=pf.Point())
    np.testing.assert_allclose(result.total, (2 * X**3).sum(), rtol=1e-12)
    assert result.audit.ok
    assert any("b" in note and "c" in note for note in result.audit.blocked)


def test_integers_on_the_side_cut_nothing_else():
    """A value used both as it is and through its argmax: only the first carries a derivative."""

    def fn(x):
        a = pf.tag(x * 2, "a")
        return pf.tag(a * jax.nn.one_hot(jnp.argmax(a), 3, dtype=a.dtype), "b").sum()

    result = pf.attribute(pf.trace(fn, X), (X,), source="x", doi=pf.Point())
    np.testing.assert_allclose(result.total, 2 * X.max(), rtol=1e-12)
    assert result.audit.ok
