"""The second moments of all endings, and the bounds they give, against endings one by one."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pathflow as pf
from pathflow.influence.branching._bounds import bounds_of
from pathflow.influence.branching._hops import searched
from pathflow.influence.branching._landscape import Landscape
from pathflow.influence.branching._suffixes import AllSuffixes
from pathflow.influence.evaluation._live import live_paths
from pathflow.influence.question._problem import make_problem
from tests.helpers import lstm_by_step, lstm_params


def landscape(points, memory=2**26):
    params = lstm_params(2, 3, 4, 3)
    traced = pf.trace(lstm_by_step, params)
    doi = pf.Line(jnp.full(3, 0.2), n_steps=points)
    problem = make_problem(traced, (params,), "x@0", None, doi, None, None)
    live = live_paths(traced, problem.space)
    land = Landscape(problem, doi, live, searched(live.space, None))
    return land, AllSuffixes(land, memory)


def endings(land, u):
    """The cotangents of all endings from a junction, `(endings, points, entries)`."""
    found = [
        land.pull(hop, endings(land, hop.end).reshape(-1, *_shape(land, hop.end)))
        for hop in land.hops.after[u]
    ]
    if not found:
        return np.ones((1, land.points, 1))
    return np.concatenate(found).reshape(-1, land.points, max(1, int(np.prod(_node(land, u)))))


def _node(land, u):
    return land.node(u).shape


def _shape(land, u):
    return (*land.axes, *_node(land, u))


@pytest.mark.parametrize("points", [1, 3])
def test_bounds_are_the_root_of_the_sum_of_squares(points):
    land, suffixes = landscape(points)
    random = np.random.default_rng(0)
    for u in land.hops.junctions[::3]:
        every = endings(land, u)
        rows = suffixes[u].factor.reshape(-1, points, every.shape[2])
        moments = np.einsum("rki,rkj->kij", rows, rows)
        expected = np.einsum("ski,skj->kij", every, every)
        scale = np.abs(expected).max()
        # Never short of the moments, and hardly more.
        np.testing.assert_allclose(moments, expected, atol=1e-9 * scale)
        np.testing.assert_allclose(
            suffixes[u].total.reshape(points, -1), every.sum(axis=0), atol=1e-12 * np.sqrt(scale)
        )
        beginnings = random.normal(size=(5, *_shape(land, u)))
        bounds = bounds_of(land, suffixes[u], beginnings)
        flat = beginnings.reshape(5, points, -1)
        each = np.einsum("mki,ski->mks", flat, every)
        largest = np.abs(np.einsum("mks,k->ms", each, land.weights)).max(axis=1)
        squares = np.sqrt((each**2).sum(axis=2)) @ land.weights
        assert np.all(bounds >= largest * (1 - 1e-12))
        np.testing.assert_allclose(bounds, squares, rtol=1e-5)


def test_little_memory_leaves_bounds_that_are_wider():
    wide, few = landscape(2)[1], landscape(2, memory=1)
    land, cut = few
    beginnings = np.random.default_rng(1).normal(size=(4, *_shape(land, land.hops.junctions[0])))
    u = land.hops.junctions[0]
    tight, loose = (bounds_of(land, s[u], beginnings) for s in (wide, cut))
    assert np.all(loose >= tight * (1 - 1e-9))
    assert np.all(np.isfinite(loose))
    cut.close()
    jax.clear_caches()
