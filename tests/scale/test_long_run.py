"""Many small runs in one process leave nothing behind: no memory, no open file, no graph."""

import gc
import weakref
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest

import pathflow as pf
from benchmarks.long_run import Work, grow, held
from tests.scale._asked import arrays, recurrence

KINDS = 6
# Each kind of run meets what is compiled or cached once, within two rounds.
WARM, RUNS = 2 * KINDS, 10 * KINDS
# A graph that stays takes some two MiB and twelve maps here, so that ten of them are above
# both; what allocators and the interpreter take now and then is below.
_MEMORY, _MAPS = 12 * 2**20, 40


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="asks Linux what a process holds")
def test_runs_of_every_kind_leave_nothing_behind(tmp_path):
    work = Work(tmp_path)
    assert len(work.kinds) == KINDS
    grow(WARM, WARM, lambda _: None, work)
    before, after = held(0, 0.0), []
    grow(RUNS, RUNS, after.append, work)
    assert after[0].files <= before.files
    assert after[0].maps - before.maps < _MAPS
    assert after[0].memory - before.memory < _MEMORY
    assert not list(tmp_path.iterdir())


def test_equations_that_nobody_holds_are_gone():
    """The body of a loop is another one in every trace, and is asked what it computes."""

    def count():
        gc.collect()
        return sum(type(o).__name__.endswith("Jaxpr") for o in gc.get_objects())

    def traced(scale):
        def model(x):
            def step(state, _):
                return pf.tag(jnp.tanh(scale * state), "state"), None

            return jax.lax.scan(step, x, None, length=2)[0].sum()

        graph = pf.trace(model, jnp.ones(3))
        pf.attribute(graph, (jnp.ones(3),), source="x", doi=pf.Point(), target="output")

    traced(2.0)
    before = count()
    for _ in range(10):
        traced(2.0)
    assert count() - before < 10


SEARCHES = [
    pf.Enumerate(),
    pf.TopK(3),
    pf.Greedy(),
    pf.Aggregate({"gated": ".* gate@1 .*"}, pf.OnGraph()),
    pf.Aggregate({"gated": ".* gate@1 .*"}, pf.Streaming()),
    pf.Conductance(".* gate@1 .*"),
    pf.Sample(5, jax.random.key(0)),
    pf.Refine("x gate@0 state@0 state@1 state@2 state@3 output", at="state@0"),
]


@pytest.mark.parametrize("search", SEARCHES, ids=lambda s: type(s).__name__)
def test_a_graph_that_nobody_holds_is_gone(search):
    x, words = arrays()
    graph = pf.trace(recurrence, x[0], words, inputs=("x",))
    doi = pf.Line(jnp.zeros_like(x[0]), n_steps=2)
    result = pf.attribute(graph, (x[0], words), source="x", doi=doi, search=search)
    gone = weakref.ref(graph)
    del result, graph
    gc.collect()
    assert gone() is None


def test_what_is_kept_with_a_graph_is_bounded_and_can_be_forgotten():
    from pathflow.tracing import kept

    class Owner:
        pass

    found = []

    @kept
    def derive(owner, number, *, doubled=False):
        """What is derived."""
        found.append(number)
        return 2 * number if doubled else number

    one, other = Owner(), Owner()
    assert [derive(one, 3), derive(one, 3), derive(other, 3)] == [3, 3, 3]
    assert derive(one, 3, doubled=True) == 6
    assert found == [3, 3, 3]
    for number in range(1000):
        derive(one, number)
    assert len(one.__dict__["_kept"]) == 256
    derive.cache_clear()
    assert not one.__dict__["_kept"]
    assert not other.__dict__["_kept"]
    assert derive.__name__ == "derive"


def _closed_over():
    """A function of its own each time, and whether what it closes over is gone."""
    weights = jnp.full((3, 3), 0.1)
    return lambda x: pf.tag(jnp.tanh(weights @ x), "h").sum(), weakref.ref(weights)


@pytest.mark.parametrize("ask", ["attribute", "aggregate", "conductance", "do"])
def test_parameters_that_nobody_holds_are_gone(ask):
    """What is compiled is kept for the next function that computes the same, and the parameters of
    this one are not.
    """
    x = jnp.ones(3)
    question = {"source": "x", "doi": pf.Line(jnp.zeros(3), n_steps=2)}
    fn, gone = _closed_over()
    if ask == "do":
        pf.do(pf.trace(fn, x), (x,), {"h": pf.Zero()})
    elif ask == "attribute":
        pf.attribute(pf.trace(fn, x), (x,), **question)
    elif ask == "aggregate":
        pf.aggregate(fn, (x,), {"all": ".*"}, **question)
    else:
        pf.conductance(fn, (x,), **question)
    del fn
    gc.collect()
    assert gone() is None
