"""The memory budget: tiles change nothing, and what cannot fit is refused before any work."""

import jax.numpy as jnp
import numpy as np
import pytest

import pathflow as pf
from tests.helpers import PATH_COUNTS, compiled, lstm_by_step, lstm_params

STEPS = 3
DIRECTION = jnp.array([0.4, -1.0, 0.2])


@pytest.fixture(scope="module")
def lstm():
    params = lstm_params(2, 3, 4, STEPS)
    return pf.trace(lstm_by_step, params), params


def line(params, n_steps=6):
    return pf.Line(jnp.zeros(3), n_steps=n_steps)


def budgets(n_bytes):
    """Fractions of a generous budget, down to where only one point fits."""
    return [n_bytes >> k for k in range(0, 12, 2)]


def test_tiles_of_points_change_nothing(lstm):
    traced, params = lstm
    whole = pf.attribute(traced, (params,), source="x@0", doi=line(params))
    tiles = []
    for memory in budgets(2**21):
        try:
            search = pf.Enumerate(memory=memory, progress=None)
            result = pf.attribute(traced, (params,), source="x@0", doi=line(params), search=search)
        except pf.TooManyPathsError:
            break
        np.testing.assert_allclose(result.influences, whole.influences, rtol=1e-12, atol=1e-15)
        assert result.audit.ok
        tiles.append(memory)
    assert len(tiles) >= 3


def test_tiles_of_examples_change_nothing(lstm):
    traced, params = lstm
    words = jnp.stack([params["words"] * (1 + k / 10) for k in range(7)])
    batch = {**params, "words": words}
    axes = {"layers": None, "words": 0, "readout": None}
    seen = {}
    for memory in (2**30, 2**18, 2**17):
        fractions: list[float] = []
        search = pf.Enumerate(memory=memory, progress=fractions.append)
        result = pf.attribute(
            traced, (batch,), source="x@0", doi=line(params), search=search, in_axes=(axes,)
        )
        assert fractions == sorted(fractions)
        assert fractions[-1] == 1
        assert result.audit.ok
        seen[len(fractions)] = result.influences
    assert len(seen) >= 2, "the budgets must lead to different tiles"
    first, *others = seen.values()
    for other in others:
        np.testing.assert_allclose(other, first, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("memory", [1, 100, 8 * PATH_COUNTS[STEPS] - 1])
def test_too_many_paths_are_refused_before_any_work(memory):
    params = lstm_params(2, 3, 5, STEPS)
    traced = pf.trace(lstm_by_step, params)
    doi = line(params)
    with compiled() as compilations, pytest.raises(pf.TooManyPathsError) as error:
        pf.attribute(traced, (params,), source="x@0", doi=doi, search=pf.Enumerate(memory=memory))
    assert error.value.count == PATH_COUNTS[STEPS]
    assert not compilations
    message = str(error.value)
    assert f"{PATH_COUNTS[STEPS]:,}" in message
    assert all(remedy in message for remedy in ("memory=", "source", "tagged(", "shorten"))


def test_what_does_not_fit_is_said():
    params = lstm_params(2, 3, 5, STEPS)
    traced = pf.trace(lstm_by_step, params)
    held = 8 * PATH_COUNTS[STEPS]
    for memory, what in (
        (held - 1, f"and their influences take {held:,} bytes, over the budget of {held - 1:,}"),
        (2 * held, f"the tangents and cotangents of one point take .* of {2 * held:,}"),
    ):
        search = pf.Enumerate(memory=memory)
        with pytest.raises(pf.TooManyPathsError, match=what):
            pf.attribute(traced, (params,), source="x@0", doi=line(params), search=search)


def test_a_number_of_paths_beyond_any_machine_is_told_exactly():
    params = lstm_params(2, 3, 4, 60)
    traced = pf.trace(lstm_by_step, params)
    count = traced.count_paths("x@0", "qoi")
    assert count > 10**40
    with pytest.raises(pf.TooManyPathsError, match=f"{count:,}") as error:
        pf.attribute(traced, (params,), source="x@0", doi=line(params))
    assert error.value.count == count


def test_a_batch_counts_against_the_budget(lstm):
    traced, params = lstm
    batch = {**params, "words": jnp.stack([params["words"]] * 50)}
    axes = ({"layers": None, "words": 0, "readout": None},)
    search = pf.Enumerate(memory=8 * PATH_COUNTS[STEPS] * 40)
    with pytest.raises(pf.TooManyPathsError, match=r"50 examples.*fewer examples"):
        pf.attribute(traced, (batch,), source="x@0", doi=line(params), search=search, in_axes=axes)
