"""Nodes that compute the same share one program; nodes that only look the same do not.

Each case has two nodes whose functions differ in a detail that a printed program may hide, and
weighs them differently: had they been taken for one, the total would be wrong.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import pathflow as pf

X = jnp.array([0.3, -1.2, 0.7])


def ruled(slope):
    """A function whose derivative is declared to be `slope`."""

    @jax.custom_jvp
    def function(x):
        return jnp.sin(x)

    function.defjvp(lambda p, t: (jnp.sin(p[0]), slope * t[0]))
    return function


def reversed_rule(slope):
    @jax.custom_vjp
    def function(x):
        return jnp.sin(x)

    function.defvjp(lambda x: (jnp.sin(x), None), lambda _, c: (slope * c,))
    return function


def looped(function):
    return lambda x: lax.scan(lambda c, _: (function(c), None), x, None, length=2)[0]


def chosen(function):
    return lambda x: lax.cond(x.sum() > -99, function, lambda v: v, x)


def repeated(function):
    return lambda x: lax.while_loop(
        lambda c: c[0] < 2, lambda c: (c[0] + 1, function(c[1])), (0, x)
    )[1]


@pytest.mark.parametrize("inside", [lambda f: f, jax.jit, jax.checkpoint, looped, chosen, repeated])
@pytest.mark.parametrize("rule", [ruled, reversed_rule])
def test_custom_rules(rule, inside):
    if rule is reversed_rule and inside is repeated:
        pytest.skip("a while loop has no reverse mode, and this rule has no forward mode")

    def fn(x):
        a = pf.tag(inside(rule(0.1))(x), "a")
        b = pf.tag(inside(rule(0.7))(x), "b")
        return jnp.sum(a + 2 * b)

    result = pf.attribute(pf.trace(fn, X), (X,), source="x", doi=pf.Point())
    expected = (jax.grad if inside is not repeated else jax.jacfwd)(fn)(X) @ X
    assert result.total == pytest.approx(float(expected), rel=1e-12)
    assert len(set(np.round(result.influences, 12).tolist())) == 2


def products(*, reverse):
    return lambda x: lax.scan(lambda c, v: (c * v, c), 1.0, x, reverse=reverse)[1]


def powers(turns):
    return lambda x: lax.fori_loop(0, turns, lambda _, c: c * 1.5, x)


@pytest.mark.parametrize(
    "pair",
    [
        (lambda x: x * 0.12345678911, lambda x: x * 0.12345678999),
        (lambda x: x * jnp.float64(0.1), lambda x: x * jnp.float64(jnp.float32(0.1))),
        (lambda x: x**2, lambda x: x**3),
        (lambda x: x[::-1] * X, lambda x: x * X),
        (lambda x: jnp.cumsum(x) * X, lambda x: jnp.cumsum(x[::-1]) * X),
        (lambda x: x @ jnp.eye(3), lambda x: x @ jnp.eye(3)[::-1]),
        (products(reverse=False), products(reverse=True)),
        (lambda x: jnp.where(X > 0, x, 0.0), lambda x: jnp.where(X < 0, x, 0.0)),
        (powers(2), powers(3)),
        (lambda x: x.at[0].set(0.0), lambda x: x.at[1].set(0.0)),
        (lambda x: jnp.roll(x, 1) * X, lambda x: jnp.roll(x, 2) * X),
        (lambda x: jax.nn.leaky_relu(x, 0.1), lambda x: jax.nn.leaky_relu(x, 0.10000000001)),
    ],
)  # fmt: skip
def test_details_of_what_is_computed(pair):
    one, other = pair
    weight = jnp.array([1.0, 10.0, 100.0])

    def fn(x):
        return pf.tag(one(x), "a") @ weight - 2 * (pf.tag(other(x), "b") @ weight)

    result = pf.attribute(pf.trace(fn, X), (X,), source="x", doi=pf.Point())
    for path, function, factor in (("x a output", one, 1), ("x b output", other, -2)):
        _, expected = jax.jvp(lambda x, f=function, k=factor: k * (f(x) @ weight), (X,), (X,))
        assert result[path] == pytest.approx(float(expected), rel=1e-14)


def test_how_arrays_are_printed_does_not_matter():
    def fn(x):
        return jnp.sum(pf.tag(x * 0.25, "a") - 2 * pf.tag(x * 0.26, "b"))

    with np.printoptions(precision=1):
        result = pf.attribute(pf.trace(fn, X), (X,), source="x", doi=pf.Point())
    assert result["x b output"] == pytest.approx(float(-0.52 * X.sum()))


def test_values_of_the_context_are_arguments_and_not_part_of_the_class():
    def fn(x, params):
        for k in range(6):
            x = pf.tag(jnp.tanh(params[k] @ x), f"n{k}")
        return x.sum()

    params = [jnp.asarray(np.random.default_rng(k).normal(size=(3, 3))) for k in range(6)]
    traced = pf.trace(fn, X, params)
    assert "2 node classes" in repr(traced)
    assert pf.attribute(traced, (X, params), source="x", doi=pf.Point()).audit.ok
