"""The memory of a question is predicted before it is asked, and budgets that are too small say what
counts.
"""

import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pathflow as pf
from benchmarks import _machine, _processes
from pathflow.tracing import live_bytes_apart
from tests.helpers import compiled

WIDTH, POINTS = 128, 4000


def fn(x, weights):
    a = pf.tag(jnp.tanh(weights @ x), "a")
    b = pf.tag(a * jnp.sin(a), "b")
    return pf.tag(b + a, "c").sum()


@pytest.fixture(scope="module")
def question():
    weights = jnp.asarray(np.random.default_rng(0).normal(size=(WIDTH, WIDTH)))
    args = (jnp.ones(WIDTH), weights)
    graph = pf.trace(fn, *args)
    doi = pf.Line(jnp.zeros(WIDTH), n_steps=POINTS, rule=pf.Midpoint())
    return {"graph": graph, "args": args, "source": "x", "doi": doi}


# Several threads pack the operands of a product each on their own, as many as happen to work on it:
# 37 to 46 MB for the second question. One thread takes the same memory each time.
@pytest.mark.skipif(sys.platform != "linux", reason="the kernel forgets the largest size on Linux")
@pytest.mark.parametrize("case", ["Enumerate, small", "Aggregate, small"])
def test_what_is_measured_is_as_predicted(case):
    with _machine.pinned(1):
        (row,) = _processes.rows_of("_memory_alone", case, threads=1)
    assert 1 / 1.5 < row["ratio"] < 1.5


def test_nothing_of_the_paths_is_computed(question):
    pf.predict_memory(**question)
    with compiled() as compilations:
        pf.predict_memory(**question, search=pf.Enumerate(2**24))
    assert not compilations


def test_tiles_are_what_the_budget_holds(question):
    whole = pf.predict_memory(**question)
    assert (whole.points, whole.n_points, whole.examples, whole.paths) == (POINTS, POINTS, 1, 2)
    half = pf.predict_memory(**question, search=pf.Enumerate(whole.tile // 2))
    assert 0 < half.points < POINTS
    assert half.tile <= whole.tile // 2
    assert half.peak < whole.peak
    assert f"{half.points:,} of {POINTS:,} points" in str(half)


def test_a_search_that_depends_on_what_it_meets_is_not_predicted(question):
    with pytest.raises(pf.ArgumentError, match=r"TopK.*memory="):
        pf.predict_memory(**question, search=pf.TopK(2))


@pytest.mark.parametrize(
    "search",
    [
        pf.Aggregate({"through b": ".* b .*"}, pf.OnGraph(memory=1000)),
        pf.Conductance(memory=1000),
    ],
    ids=["OnGraph", "Conductance"],
)
def test_the_message_lists_what_can_be_cut(question, search):
    with pytest.raises(pf.ArgumentError) as error:
        pf.attribute(**question, search=search)
    message = str(error.value)
    sizes = ("5 nodes", "128 entries of 8 bytes", "state(s)", "over the budget of 1,000")
    remedies = ("Raise the budget", "fewer classes", "source", "coarser", "shorten", "float32")
    assert all(part in message for part in (*sizes, *remedies))


def test_bytes_are_apart_by_what_they_depend_on():
    def f(x, w):
        kernel = w * 2  # shared: 4 x 3 numbers
        return (kernel @ x).sum()

    jaxpr = jax.make_jaxpr(f)(jnp.ones(3), jnp.ones((4, 3)))
    shared, varying = live_bytes_apart(jaxpr, [0])
    assert shared == 4 * 3 * 8
    assert varying == (4 + 1) * 8
    assert live_bytes_apart(jaxpr, [])[1] == 0
    assert live_bytes_apart(jaxpr, [0, 1])[0] == 0


def test_the_audit_holds_all_points_of_the_source_at_once():
    """The line through an input of many numbers, of which the function reads the sum alone."""
    sizes = []
    for n_points in (1, 40):
        graph = pf.trace(lambda x: pf.tag(x.sum(), "sum") * 2, jnp.ones(5000))
        doi = pf.Line(jnp.zeros(5000), n_steps=n_points)
        asked = {"source": "x", "doi": doi, "target": "output"}
        sizes.append(pf.predict_memory(graph, (jnp.ones(5000),), **asked).checks)
    values_and_directions = 2 * 5000 * 8
    assert sizes[1] - sizes[0] >= 39 * values_and_directions


@pytest.mark.usefixtures("unchecked")
def test_what_cannot_be_asked_is_refused_by_its_own_name():
    asked = {"args": (jnp.ones(2),), "source": "x", "doi": pf.Point()}
    with pytest.raises(pf.ArgumentError, match=r"predict_memory\(graph=...\) takes what"):
        pf.predict_memory(jnp.tanh, **asked)
    graph = pf.trace(lambda x: pf.tag(2 * x, "a").sum(), jnp.ones(2))
    with pytest.raises(pf.ArgumentError, match=r"predict_memory\(doi=...\) takes"):
        pf.predict_memory(graph, **{**asked, "doi": None})
    with pytest.raises(pf.ShapeError, match=r"predict_memory: args\[0\] has shape \(3,\)"):
        pf.predict_memory(graph, **{**asked, "args": (jnp.ones(3),)})
