"""The second moments of all endings, and the bounds they give, against endings one by one."""

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import pathflow as pf
from pathflow.evaluation import live_paths
from pathflow.influence.branching._bounds import bounds_of
from pathflow.influence.branching._hops import searched
from pathflow.influence.branching._landscape import Landscape
from pathflow.influence.branching._suffixes import AllSuffixes
from pathflow.influence.question._problem import make_problem
from tests.helpers import (
    OUTPUT,
    count_paths,
    forget_many,
    lstm_by_step,
    lstm_params,
    programs,
    structure,
)

_MAX_PATHS = 300


def landscape(traced, args, doi, in_axes=None, source="x"):
    problem = make_problem(traced, args, source, None, doi, None, in_axes)
    live = live_paths(traced, problem.space)
    return live.space and Landscape(problem, doi, live, searched(live.space, None))


class Vectors:
    """All beginnings and endings of paths at each junction, by dense Jacobians of single hops.

    Arguments:
        land: the hops.
    """

    def __init__(self, land):
        self.land = land
        self.points = len(land.weights)
        self.hops = [hop for after in land.hops.after.values() for hop in after]
        self.jacobians = {hop: self._jacobian(hop) for hop in self.hops}
        self._known = {}

    def _jacobian(self, hop):
        shape = self.land.node(hop.end).shape
        size = int(np.prod(shape))
        rows = np.eye(size).reshape(size, *(1,) * len(self.land.axes), *shape)
        rows = np.broadcast_to(rows, (size, *self.land.axes, *shape))
        return self.land.pull(hop, rows.copy()).reshape(size, self.points, -1)

    def endings(self, u):
        """Cotangents `(endings, points, entries)`."""
        if ("endings", u) not in self._known:
            found = [
                np.einsum("sko,oki->ski", self.endings(hop.end), self.jacobians[hop])
                for hop in self.land.hops.after[u]
            ]
            self._known["endings", u] = np.concatenate(found or [np.ones((1, self.points, 1))])
        return self._known["endings", u]

    def beginnings(self, u):
        """Tangents `(beginnings, points, entries)`."""
        if ("beginnings", u) not in self._known:
            found = [
                np.einsum("mki,oki->mko", self.beginnings(hop.start), self.jacobians[hop])
                for hop in self.hops
                if hop.end == u
            ]
            if u in self.land.hops.trellis.sources:
                found.append(self.land.start(u).reshape(1, self.points, -1))
            self._known["beginnings", u] = np.concatenate(found)
        return self._known["beginnings", u]


def check(vectors, u, suffixes, *, tight):
    """Bounds at one junction: never too small, and the root of the sum of squares where tight."""
    land, every = vectors.land, vectors.endings(u)
    beginnings = vectors.beginnings(u)
    each = np.einsum("mki,ski->mks", beginnings, every)
    weights = np.abs(land.weights)
    squares = np.sqrt((each**2).sum(axis=2)) @ weights
    largest = np.abs(np.einsum("mks,k->ms", each, land.weights)).max(axis=1)
    # A tangent that is nearly orthogonal to all endings is so up to rounding of its entries.
    entries = np.einsum("mki,ki->mk", beginnings**2, (every**2).sum(axis=0))
    shape = (len(beginnings), *land.axes, *land.node(u).shape)
    bounds = bounds_of(land, suffixes[u], beginnings.reshape(shape))
    rounding = 1e-12 * np.sqrt(entries) @ weights
    assert np.all(bounds >= squares - rounding)
    assert np.all(bounds >= largest - rounding)
    if tight:
        assert np.all(bounds <= squares * (1 + 1e-7) + 3e-6 * np.sqrt(entries) @ weights)
        factor = suffixes[u].factor.reshape(-1, vectors.points, every.shape[2])
        moments, expected = (np.einsum("rki,rkj->kij", f, f) for f in (factor, every))
        scale = np.sqrt(np.einsum("kii->ki", expected))
        atol = 1e-11 * scale[:, :, None] * scale[:, None]
        assert np.all(np.abs(moments - expected) <= atol + 1e-300)
    total = suffixes[u].total.reshape(vectors.points, -1)
    np.testing.assert_allclose(total, every.sum(axis=0), atol=1e-12 * np.abs(every).sum())


@settings(max_examples=settings().max_examples // 7)
@given(programs(6, inputs=("x", "y"), decided_by_values=False), st.booleans())
def test_bounds_are_the_root_of_the_sum_of_squares_in_random_programs(program, batched):
    args = program.args()
    assume(0 < count_paths(structure(program, args), ["x"], OUTPUT) <= _MAX_PATHS)
    traced = pf.trace(program.function(), *args)
    assume(traced.count_paths("x", OUTPUT))
    doi, in_axes = pf.Line(jnp.zeros(args[0].shape), n_steps=2), None
    if batched:
        args, in_axes = (jnp.stack([args[0], program.args(1)[0]]), *args[1:]), (0, None, None)
    land = landscape(traced, args, doi, in_axes)
    assume(land is not None)
    vectors = Vectors(land)
    for memory in (2**26, 300):
        suffixes = AllSuffixes(land, memory)
        for u in land.hops.junctions:
            check(vectors, u, suffixes, tight=memory > 300)
        suffixes.close()
    forget_many()


@pytest.fixture(scope="module")
def lstm():
    params = lstm_params(2, 3, 4, 3)
    doi = pf.Line(jnp.full(3, 0.2), n_steps=2)
    return Vectors(landscape(pf.trace(lstm_by_step, params), (params,), doi, source="x@0"))


@pytest.mark.parametrize("memory", [2**26, 4000, 1])
def test_bounds_in_a_network_with_many_endings(lstm, memory):
    """Factors as matrices; with little memory cut to some rows or to one, and on disk."""
    suffixes = AllSuffixes(lstm.land, memory)
    assert max(len(lstm.endings(u)) for u in lstm.land.hops.junctions) > 500
    for u in lstm.land.hops.junctions:
        check(lstm, u, suffixes, tight=memory > 4000)
    suffixes.close()


def test_entries_of_very_different_sizes_count_by_what_they_carry():
    """What comes in large and goes out small has small squares, and is none the less as much."""
    scale = 1e12

    def model(x):
        a = pf.tag(jnp.array([1.0, scale]) * jnp.tanh(x), "a")
        parts = [
            pf.tag(jnp.array([[1.0, c / scale], [0.3, 0.2 / scale]]) @ a, f"part{i}")
            for i, c in enumerate([0.5, -0.7, 0.9])
        ]
        return sum(jnp.sum(p) for p in parts)

    x = jnp.array([0.3, 0.5])
    vectors = Vectors(landscape(pf.trace(model, x), (x,), pf.Point()))
    suffixes = AllSuffixes(vectors.land, 2**26)
    for u in vectors.land.hops.junctions:
        check(vectors, u, suffixes, tight=True)


def test_a_bound_that_overflows_is_infinite():
    def model(x):
        a = pf.tag(jnp.sin(x), "a")
        return jnp.sum(a * a) + jnp.sum(pf.tag(a * x, "b"))

    x = jnp.array([0.5, 1.0], jnp.float32)
    land = landscape(pf.trace(model, x), (x,), pf.Point())
    suffixes = AllSuffixes(land, 2**26)
    vectors = np.full((2, 1, 2), np.inf, np.float32)
    assert np.all(np.isposinf(bounds_of(land, suffixes[land.hops.junctions[0]], vectors)))
