"""Randomness, and state that changes between calls, are told when a function is traced."""

import itertools
import random
import warnings
from functools import cache, partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen, nnx

import pathflow as pf

X = jnp.array([0.3, -1.2, 0.7])
X32 = X[None].astype(jnp.float32)
KEY = jax.random.key(1)


def drawn(key):
    return jax.random.normal(key, (3,))


class TestAnotherFunctionEachTime:
    """What Python does while a function is traced."""

    def factor(self, value):
        return lambda x: pf.tag(x * value(), "a").sum()

    @pytest.mark.parametrize(
        "value",
        [
            random.random,
            lambda: np.random.default_rng().normal(size=3),
            lambda: jnp.asarray(np.random.default_rng().normal(size=3)),
            partial(next, itertools.count(1.0)),
        ],
        ids=["Python's random", "NumPy's", "an array of NumPy's", "a counter"],
    )
    def test_a_number(self, value):
        with pytest.raises(pf.ChangingFunctionError, match="each time that it is traced") as error:
            pf.trace(self.factor(value), X)
        message = str(error.value)
        assert ", then " in message
        assert "pass such a value as an argument" in message

    def test_the_numbers_are_told(self):
        with pytest.raises(pf.ChangingFunctionError, match=r"'mul' there is 1\.0, then 2\.0"):
            pf.trace(self.factor(partial(next, itertools.count(1.0))), X)

    def test_a_depth_that_grows(self):
        calls = []

        def deeper(x):
            calls.append(0)
            for _ in calls:
                x = pf.tag(jnp.tanh(x), "a")
            return x.sum()

        with pytest.raises(pf.ChangingFunctionError, match="'reduce_sum', then 'tanh'"):
            pf.trace(deeper, X)

    def test_inside_a_loop(self):
        calls = itertools.count(1)

        def looped(x):
            power = next(calls)
            body = lambda c, _: (pf.tag(c**power, "a"), None)  # noqa: E731
            return jax.lax.scan(body, x, None, length=2)[0].sum()

        with pytest.raises(pf.ChangingFunctionError):
            pf.trace(looped, X)

    @pytest.mark.parametrize("steps", [(None, 2), (2, None)])
    def test_a_parameter_that_is_there_once_alone(self, steps):
        """A slice with a stride, and one without: their sums have the same shape."""
        left = list(steps)
        fn = lambda x: pf.tag(x * 2, "a")[0 : 2 : left.pop(0)].sum()  # noqa: E731
        with pytest.raises(pf.ChangingFunctionError, match="strides of 'slice' is"):
            pf.trace(fn, X)

    def test_of_a_function_as_it_is(self):
        ask = {"source": "x", "doi": pf.Point()}
        with pytest.raises(pf.ChangingFunctionError, match="aggregate"):
            pf.aggregate(self.factor(random.random), (X,), {"all": ".*"}, **ask)

    def test_what_is_made_anew_but_equal_is_no_change(self):
        def same(x):
            weights = jnp.asarray(np.random.default_rng(0).normal(size=3))
            nan = jnp.where(x > 5, np.nan, 0.0)
            hidden = pf.tag(jax.nn.relu(x * weights) + jax.nn.gelu(x) + nan, "a")
            rule = jax.custom_vjp(lambda v: v * 2)
            rule.defvjp(lambda v: (v * 2, None), lambda _, ct: (ct * 2,))
            return rule(hidden).sum()

        assert pf.attribute(pf.trace(same, X), (X,), source="x", doi=pf.Point()).audit.ok

    def test_a_table_that_is_made_once_and_kept_is_no_change(self):
        @cache
        def table():
            return jnp.sin(jnp.arange(3) / 7)

        def loop(x):
            return jax.lax.scan(lambda c, _: (c * table(), None), x, None, length=2)[0]

        graph = pf.trace(lambda x: pf.tag(loop(x * table()), "a").sum(), X)
        expected = float((X * np.sin(np.arange(3) / 7) ** 3).sum())
        total = pf.attribute(graph, (X,), source="x", doi=pf.Point()).total
        assert total == pytest.approx(expected)

    def test_the_name_of_a_jitted_function_is_no_change(self):
        calls = itertools.count()

        def named(x):
            inner = lambda v: v * 2  # noqa: E731
            inner.__name__ = f"inner{next(calls)}"
            return jax.jit(inner)(pf.tag(x, "a")).sum()

        pf.trace(named, X)

    def test_the_name_of_a_tag_is_a_change(self):
        calls = itertools.count()
        with pytest.raises(pf.ChangingFunctionError, match="a tag is named 'a0', then 'a1'"):
            pf.trace(lambda x: pf.tag(x, f"a{next(calls)}").sum(), X)


class Keyed(nnx.Module):
    def __init__(self):
        self.key = nnx.Variable(KEY)


class TestDraws:
    CONSTANT = {  # noqa: RUF012
        "made in the function": (lambda x: pf.tag(x * drawn(jax.random.key(0)), "a").sum(), ()),
        "closed over": (lambda x: pf.tag(x * drawn(KEY), "a").sum(), ()),
        "part of a state": (
            lambda x, s: pf.tag(x * drawn(jax.tree.leaves(s)[0]), "a").sum(),
            (nnx.state(Keyed()),),
        ),
        "in a loop": (
            lambda x: jax.lax.fori_loop(0, 2, lambda _, c: pf.tag(c * drawn(KEY), "a"), x).sum(),
            (),
        ),
        "in a branch": (
            lambda x: jax.lax.cond(
                x.sum() < 0, lambda c: pf.tag(c * drawn(KEY), "a"), lambda c: c, x
            ).sum(),
            (),
        ),
    }

    @pytest.mark.parametrize(("fn", "more"), CONSTANT.values(), ids=CONSTANT)
    def test_by_a_key_that_is_no_argument(self, fn, more):
        with pytest.warns(pf.RandomnessWarning, match="random_bits.*no argument of its own") as met:
            pf.trace(fn, X, *more)
        assert "deterministic=True" in str(met[0].message)
        assert "close over the numbers" in str(met[0].message)
        assert len(met) == 1
        assert met[0].filename == __file__

    # Who builds a dict or a tuple for a key has chosen it; a model's state is of a library's class.
    @pytest.mark.parametrize(
        "keys", [{"dropout": KEY}, (KEY,), [{"a": jax.random.PRNGKey(1)}]], ids=str
    )
    def test_by_a_key_in_a_container_of_the_callers(self, keys):
        pf.trace(lambda x, ks: pf.tag(x * drawn(jax.tree.leaves(ks)[0]), "a").sum(), X, keys)

    def test_by_a_key_that_is_an_argument(self):
        graph = pf.trace(lambda x, key: pf.tag(x * drawn(key), "a").sum(), X, KEY)
        other = jax.random.key(2)
        assert not np.array_equal(drawn(KEY), drawn(other))
        for key in (KEY, other):
            result = pf.attribute(graph, (X, key), source="x", doi=pf.Point())
            assert result.total == pytest.approx(float((X * drawn(key)).sum()))

    def test_that_nothing_reads(self):
        def unused(x):
            drawn(KEY)
            return pf.tag(x, "a").sum()

        pf.trace(unused, X)


class Linen(linen.Module):
    train: bool

    @linen.compact
    def __call__(self, x):
        return linen.Dropout(0.5, deterministic=not self.train)(pf.tag(2 * x, "a")).sum()


class Equinox(eqx.Module):
    drop: eqx.nn.Dropout

    def __call__(self, x):
        return self.drop(pf.tag(2 * x, "a"), key=KEY).sum()


class NNX(nnx.Module):
    def __init__(self, *, batch: bool):
        rngs = nnx.Rngs(0)
        self.inner = nnx.BatchNorm(3, rngs=rngs) if batch else nnx.Dropout(0.5, rngs=rngs)

    def __call__(self, x):
        return self.inner(pf.tag(2 * x, "a")).sum()


class Jitted(NNX):
    @nnx.jit
    def within(self, x):
        return self.inner(x)

    def __call__(self, x):
        return self.within(pf.tag(2 * x, "a")).sum()


class Sowing(nnx.Module):
    def __call__(self, x):
        hidden = pf.tag(2 * x, "a")
        self.sow(nnx.Intermediate, "h", hidden)
        return hidden.sum()


class TestModelsInTrainingMode:
    @pytest.mark.parametrize("train", [True, False])
    def test_dropout_of_linen(self, train):
        model = partial(Linen(train).apply, {}, rngs={"dropout": KEY})
        assert self.told(model) == [pf.RandomnessWarning] * train

    @pytest.mark.parametrize("train", [True, False])
    def test_dropout_of_equinox(self, train):
        model = Equinox(eqx.nn.Dropout(0.5, inference=not train))
        assert self.told(model) == [pf.RandomnessWarning] * train

    @pytest.mark.parametrize("train", [True, False])
    def test_dropout_of_nnx(self, train):
        model = NNX(batch=False)
        if not train:
            model.eval()
        assert self.told(model) == [pf.RandomnessWarning] * train

    @pytest.mark.parametrize("train", [True, False])
    def test_batch_statistics_of_nnx(self, train):
        model = NNX(batch=True)
        if not train:
            model.eval()
        assert self.told(model, X32) == [pf.ChangingStateWarning] * train

    def test_the_state_is_named_and_kept(self):
        model = NNX(batch=True)
        before = np.asarray(model.inner.mean[...])
        with pytest.warns(pf.ChangingStateWarning, match=r"NNX changes.*inner\.mean, inner\.var"):
            pf.trace(model, X32)
        assert np.array_equal(model.inner.mean[...], before)

    @pytest.mark.parametrize("train", [True, False])
    def test_batch_statistics_under_a_jit_of_nnx(self, train):
        model = Jitted(batch=True)
        if not train:
            model.eval()
        assert self.told(model, X32) == [pf.ChangingStateWarning] * train

    @pytest.mark.filterwarnings("ignore::DeprecationWarning")
    def test_what_a_module_sows_is_no_state(self):
        model = Sowing()
        assert self.told(model) == []
        model(X)
        assert self.told(model) == []

    def test_once_a_trace_and_at_the_users_line(self):
        with pytest.warns(pf.ChangingStateWarning) as met:
            pf.trace(NNX(batch=True), X32)
        assert [w.filename for w in met] == [__file__]

    def told(self, model, x=X):
        with warnings.catch_warnings(record=True) as met:
            warnings.simplefilter("always")
            pf.trace(model, x)
        own = (pf.RandomnessWarning, pf.ChangingStateWarning)
        return [c for c in dict.fromkeys(w.category for w in met) if c in own]
