"""What a result does not depend on: the batch, the tiles, and when it is asked for."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pathflow as pf
from tests.helpers import lstm_by_step, lstm_params

STEPS = 2
PARAMS = lstm_params(2, 3, 4, STEPS)
AXES = ({"layers": None, "words": 0, "readout": None},)
CLASSES = {"through the upper state": ".* c1 .*"}


def searches(memory):
    return {
        "Enumerate": pf.Enumerate(memory=memory),
        "on the graph": pf.Aggregate(CLASSES, pf.OnGraph(memory=memory)),
        "streaming": pf.Aggregate(CLASSES, pf.Streaming(memory=memory)),
        "Conductance": pf.Conductance(memory=memory),
        "Refine": pf.Refine("x@0 .* c1@1 h1@1 qoi", at="c1", memory=memory),
    }


def numbers(result):
    """All that a result holds but its audit, as one array whose first axis is the example's."""
    for name in ("influences", "sums", "edge_influences"):
        if hasattr(result, name):
            return np.asarray(getattr(result, name))
    raise AssertionError(type(result))


@pytest.fixture(scope="module")
def graph():
    return pf.trace(lstm_by_step, PARAMS)


def ask(graph, words, n_steps, search, in_axes=AXES):
    args = ({**PARAMS, "words": words},)
    doi = pf.Line(jnp.zeros(3), n_steps=n_steps)
    return pf.attribute(graph, args, source="x@0", doi=doi, search=search, in_axes=in_axes)


@pytest.mark.parametrize("name", searches(1))
@settings(max_examples=6)
@given(
    examples=st.integers(1, 4),
    n_steps=st.integers(1, 4),
    memory=st.sampled_from([2**15, 2**17, 2**30]),
    seed=st.integers(0, 99),
)
def test_batches_and_tiles_change_nothing_but_rounding(
    graph, name, examples, n_steps, memory, seed
):
    scale = np.random.default_rng(seed).uniform(0.5, 1.5, (examples, 1, 1))
    words = PARAMS["words"] * jnp.asarray(scale)
    together = numbers(ask(graph, words, n_steps, searches(memory)[name]))
    alone = [numbers(ask(graph, w, n_steps, searches(2**30)[name], None)) for w in words]
    size = max(np.abs(x).max() for x in alone)
    np.testing.assert_allclose(together, np.stack(alone), rtol=0, atol=1e-12 * size)


@pytest.mark.parametrize("name", searches(1))
def test_the_same_shapes_give_the_same_bits(graph, name):
    """Also where all is compiled anew."""
    words = jnp.stack([PARAMS["words"], 2 * PARAMS["words"]])
    first, again = (numbers(ask(graph, words, 3, searches(2**17)[name])) for _ in range(2))
    jax.clear_caches()
    anew = numbers(ask(pf.trace(lstm_by_step, PARAMS), words, 3, searches(2**17)[name]))
    assert first.tobytes() == again.tobytes() == anew.tobytes()
