"""Nodes share a class exactly when they compute, and differentiate, the same."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pathflow as pf

X = jnp.arange(1.0, 4.0)


def scaled_sine(slope):
    """sin, with `slope` for its derivative."""

    @jax.custom_jvp
    def sine(x):
        return jnp.sin(x)

    sine.defjvp(lambda primals, tangents: (jnp.sin(primals[0]), slope * tangents[0]))
    return sine


def classes(traced, *labels):
    return len({traced.functions[traced.node(label)].computes for label in labels})


def total_of(fn):
    traced = pf.trace(fn, X)
    result = pf.attribute(traced, (X,), source="x", doi=pf.Point())
    expected = jax.jvp(fn, (X,), (X,))[1]
    np.testing.assert_allclose(result.total, expected, rtol=1e-12)
    assert result.audit.ok
    return traced


@pytest.mark.parametrize(
    ("first", "second"),
    [(0.12345678911, 0.12345678999), (1e-12, 2e-12), (0.0, -0.0), (1.0, 1.0 + 2**-52)],
)
def test_literals_that_differ_in_the_last_bit(first, second):
    def fn(x):
        return (pf.tag(x * first, "a") - 3 * pf.tag(x * second, "b")).sum()

    assert classes(total_of(fn), "a", "b") == 2


def test_printing_options_change_nothing():
    def fn(x):
        return (pf.tag(x * 0.121, "a") - 3 * pf.tag(x * 0.124, "b")).sum()

    with np.printoptions(suppress=True, precision=1):
        assert classes(total_of(fn), "a", "b") == 2


def test_literals_inside_a_loop():
    def repeated(x, factor):
        return jax.lax.scan(lambda c, _: (c * factor, None), x, None, length=2)[0]

    def fn(x):
        a = pf.tag(repeated(x, 0.12345678911), "a")
        b = pf.tag(repeated(x, 0.12345678999), "b")
        return (a - 3 * b).sum()

    assert classes(total_of(fn), "a", "b") == 2


def test_custom_rules():
    one, two = scaled_sine(0.1), scaled_sine(0.7)

    def fn(x):
        return (pf.tag(one(x), "a") + 2 * pf.tag(two(x), "b")).sum()

    assert classes(total_of(fn), "a", "b") == 2


def test_custom_rules_inside_a_loop():
    one, two = scaled_sine(0.1), scaled_sine(0.7)

    def twice(rule, x):
        return jax.lax.scan(lambda c, _: (rule(c), None), x, None, length=2)[0]

    def fn(x):
        return (pf.tag(twice(one, x), "a") + 2 * pf.tag(twice(two, x), "b")).sum()

    assert classes(total_of(fn), "a", "b") == 2


def test_equal_rules_share_a_class():
    def fn(x):
        a = pf.tag(jax.nn.relu(x), "a")
        return pf.tag(jax.nn.relu(a), "b").sum() + pf.tag(scaled_sine(0.7)(x), "c").sum()

    assert classes(total_of(fn), "a", "b") == 1


def test_constants_that_are_context_do_not_matter():
    ws = [jnp.full((3, 3), float(i)) for i in range(1, 4)]

    def fn(x):
        for i, w in enumerate(ws):
            x = pf.tag(jnp.tanh(w @ x), f"h{i}")
        return x.sum()

    assert classes(total_of(fn), "h0", "h1", "h2") == 1


@pytest.mark.filterwarnings("ignore::pathflow.RandomnessWarning")
def test_a_random_key_inside_the_function():
    def fn(x):
        kept = jax.random.bernoulli(jax.random.key(3), 0.5, x.shape).astype(x.dtype)
        return (pf.tag(x * kept, "dropped") ** 2).sum()

    total_of(fn)


class TestFlowsInLoops:
    """A loop without tags is one equation, and a derivative need not flow from all it carries."""

    def test_carries_that_have_nothing_to_do_with_each_other(self):
        def fn(x, y):
            start = pf.tag(x * 2, "a"), pf.tag(y * 3, "b")

            def step(s, _):
                return ((jnp.sin(s[0]), jnp.cos(s[1])), None)

            (c, d), _ = jax.lax.scan(step, start, None, length=3)
            return pf.tag(c, "c").sum() + pf.tag(d, "d").sum()

        traced = pf.trace(fn, X, X)
        assert traced.count_paths("a", "c") == traced.count_paths("b", "d") == 1
        assert traced.count_paths("a", "d") == traced.count_paths("b", "c") == 0

    @pytest.mark.parametrize(("length", "paths"), [(1, 0), (2, 1), (3, 1)])
    def test_as_many_steps_as_it_takes(self, length, paths):
        """The second carry hears of the first one after two steps, through the third."""

        def fn(x):
            a = pf.tag(x * 2, "a")

            def shift(s, _):
                return ((jnp.ones_like(s[0]), s[0], s[1] + s[2]), None)

            zeros = jnp.zeros_like(a)
            out, _ = jax.lax.scan(shift, (a, zeros, zeros), None, length=length)
            return pf.tag(out[2], "out").sum() + a.sum()

        assert pf.trace(fn, X).count_paths("a", "out") == paths

    def test_integers_on_the_way(self):
        def fn(x):
            a = pf.tag(x * 2, "a")
            rounded = jax.lax.fori_loop(0, 1, lambda _, v: v.astype(int).astype(v.dtype), a)
            return pf.tag(rounded, "b").sum() + a.sum()

        traced = pf.trace(fn, X)
        assert traced.count_paths("a", "b") == 0
        assert [(str(u), str(v)) for u, v in traced.blocked] == [("a", "b")]
