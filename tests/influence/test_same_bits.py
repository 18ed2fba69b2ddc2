"""What a result does not depend on: the batch, the tiles, and when it is asked for."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pathflow as pf

EXAMPLES, POINTS, WIDTH = 3, 4, 5
WEIGHTS = np.random.default_rng(0).normal(size=(WIDTH, WIDTH))


def fn(x):
    a = pf.tag(jnp.tanh(x @ jnp.asarray(WEIGHTS)), "a")
    b = pf.tag(a * x, "b")
    return pf.tag(b + jnp.sin(a), "c").sum()


@cache
def graph():
    return pf.trace(fn, jnp.ones(WIDTH))


def searches(memory):
    return {
        "Enumerate": pf.Enumerate(memory=memory),
        "on the graph": pf.Aggregate({"through b": ".* b .*"}, pf.OnGraph(memory=memory)),
        "streaming": pf.Aggregate({"through b": ".* b .*"}, pf.Streaming(memory=memory)),
        "Conductance": pf.Conductance(memory=memory),
        "Refine": pf.Refine("x a b c output", at="b", memory=memory),
    }


NAMES = tuple(searches(1))


def question(x):
    doi = pf.Line(jnp.zeros(WIDTH), n_steps=POINTS)
    batched = x.ndim == 2
    args = {"graph": graph(), "args": (x,), "source": "x", "doi": doi}
    return {**args, "in_axes": 0 if batched else None}


@cache
def budgets(name):
    """Budgets that cut the batch in different ways, by the tiles that they lead to."""
    found = {}
    for exponent in range(30, 4, -1):
        search = searches(2**exponent)[name]
        try:
            size = pf.predict_memory(**question(jnp.ones((EXAMPLES, WIDTH))), search=search)
        except (pf.TooManyPathsError, pf.ArgumentError):
            break
        found[size.examples, size.points] = 2**exponent
    return found


def numbers(result):
    """All that a result holds but its audit, as one array whose first axis is the example's."""
    for name in ("influences", "amounts", "edge_influences"):
        if hasattr(result, name):
            return np.asarray(getattr(result, name))
    raise AssertionError(type(result))


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=5)
@given(seed=st.integers(0, 999))
def test_batches_and_tiles_change_nothing_but_rounding(name, seed):
    x = jnp.asarray(np.random.default_rng(seed).normal(size=(EXAMPLES, WIDTH)))
    assert len(budgets(name)) >= 2
    assert (EXAMPLES, POINTS) in budgets(name)
    alone = np.stack(
        [numbers(pf.attribute(**question(row), search=searches(2**30)[name])) for row in x]
    )
    for memory in budgets(name).values():
        together = numbers(pf.attribute(**question(x), search=searches(memory)[name]))
        np.testing.assert_allclose(together, alone, rtol=0, atol=1e-13 * np.abs(alone).max())


def test_the_same_shapes_give_the_same_bits():
    """Also where all is traced and compiled anew."""
    x = jnp.asarray(np.random.default_rng(7).normal(size=(EXAMPLES, WIDTH)))
    chosen = {name: searches(min(budgets(name).values()))[name] for name in NAMES}

    def bits():
        return {
            name: numbers(pf.attribute(**question(x), search=search)).tobytes()
            for name, search in chosen.items()
        }

    first = bits()
    assert first == bits()
    graph.cache_clear()
    jax.clear_caches()
    assert first == bits()
