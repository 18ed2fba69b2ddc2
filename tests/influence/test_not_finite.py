"""NaN and infinity are traced to the first node or edge, example and point."""

import pickle
import re

import jax
import jax.numpy as jnp
import pytest

import pathflow as pf

ONES = jnp.ones(3)
AT_ZERO = jnp.array([1.0, 0.0, 1.0])
# The third point alone is one where a square root has no derivative.
POINTS = pf.Samples(jnp.stack([ONES, ONES, AT_ZERO, ONES]), direction=ONES)


def logs(x):
    return pf.tag(jnp.log(pf.tag(x, "a")), "logs").sum()


def roots(x):
    return pf.tag(jnp.sqrt(pf.tag(2 * x, "a")), "roots").sum()


def error_of(fn, x, doi, search=None, in_axes=None):
    graph = pf.trace(fn, ONES)
    search = pf.Enumerate() if search is None else search
    with pytest.raises(pf.NonFiniteError) as caught:
        pf.attribute(graph, (x,), source="x", doi=doi, search=search, in_axes=in_axes)
    return caught.value


class TestActivations:
    LINE = pf.Line(0.5 * ONES, n_steps=8, rule=pf.RightRiemann())
    # From 0.5 to -1 by eighths, the third of the points is below zero.
    BATCH = jnp.stack([ONES, ONES, -ONES])

    @pytest.mark.parametrize("memory", [2**30, 2**9])
    def test_the_example_and_the_point(self, memory):
        """Whatever examples and points are worked on together."""
        search = pf.Enumerate(memory=memory)
        error = error_of(logs, self.BATCH, self.LINE, search, in_axes=0)
        assert (error.node, error.edge, error.example, error.point) == ("logs", None, 2, 2)
        where = "'logs' is NaN or infinite at point 2 of the distribution of interest in example 2"
        assert where in str(error)

    def test_of_a_function_as_it_is(self):
        with pytest.raises(pf.NonFiniteError, match="'logs'.*point 2 .* in example 2") as caught:
            pf.aggregate(
                logs,
                (self.BATCH,),
                {"all": ".*"},
                source="x",
                doi=self.LINE,
                in_axes=0,
                memory=2**7,
            )
        error = caught.value
        assert (error.node, error.example, error.point) == ("logs", 2, 2)

    def test_one_example_has_no_number(self):
        error = error_of(logs, -ONES, self.LINE)
        assert (error.example, error.point) == (None, 2)
        assert "example" not in str(error)

    def test_an_intervention_tells_the_example(self):
        graph = pf.trace(logs, ONES)
        with pytest.raises(pf.NonFiniteError, match="'logs' .* in example 2") as caught:
            pf.do(graph, (self.BATCH,), {}, in_axes=0)
        assert (caught.value.example, caught.value.point) == (2, None)


SEARCHES = {
    "Enumerate": pf.Enumerate(),
    "Aggregate": pf.Aggregate({"all": ".*"}),
    "Conductance": pf.Conductance(),
    "TopK": pf.TopK(3, exhaustive=0),
    "Greedy": pf.Greedy(),
    "Sample": pf.Sample(10, jax.random.key(0)),
    "Refine": pf.Refine("x a roots output", at="a"),
}


class TestPartials:
    @pytest.mark.parametrize("search", SEARCHES.values(), ids=SEARCHES)
    def test_every_search_names_edge_and_point(self, search):
        error = error_of(roots, ONES, POINTS, search)
        assert (error.node, error.edge, error.point) == (None, ("a", "roots"), 2)
        text = "of node 'roots' with respect to 'a', at point 2 of the distribution of interest"
        assert text in str(error)

    def test_the_example(self):
        error = error_of(roots, jnp.stack([ONES, AT_ZERO]), pf.Point(direction=ONES), in_axes=0)
        assert (error.edge, error.example, error.point) == (("a", "roots"), 1, 0)

    def test_the_branch_that_where_leaves_out(self):
        """Forward it is selected away; in reverse zero times infinity is NaN."""

        def hidden(x):
            return pf.tag(jnp.where(x > 0, jnp.sqrt(x), 0.0), "roots").sum()

        graph = pf.trace(hidden, ONES)
        doi = pf.Point(direction=ONES)
        forward = pf.attribute(graph, (AT_ZERO,), source="x", doi=doi)
        assert forward.total == pytest.approx(1.0)
        error = error_of(hidden, AT_ZERO, doi, pf.Conductance())
        assert error.edge == ("x", "roots")
        assert "in reverse only" in str(error)
        assert "jnp.where" in str(error)

    @pytest.mark.parametrize("search", [pf.Enumerate(), pf.Conductance()], ids=["E", "C"])
    def test_sums_of_numbers_that_overflow_are_not_blamed(self, search):
        def large(x):
            a = pf.tag(x * 1e-300, "a")
            b = pf.tag(jnp.full((3, 3), 1.7e308) @ a, "b")
            return pf.tag(jnp.sqrt(jnp.abs(b - b[0])), "s").sum()

        error = error_of(large, jnp.array([1.0, 0.5, 0.25]), pf.Point(direction=ONES), search)
        assert error.edge == ("b", "s")

    def test_an_overflow_within_one_partial_is_blamed(self):
        def steep(x):
            return pf.tag(1e200 * jnp.sin(1e200 * pf.tag(x, "a")), "c").sum()

        zeros = pf.Samples(jnp.zeros((1, 3)), direction=ONES)
        assert error_of(steep, ONES, zeros).edge == ("a", "c")

    def test_a_product_that_overflows_blames_no_partial(self):
        def steep(x):
            return pf.tag(1e200 * pf.tag(1e200 * pf.tag(x, "a"), "b"), "c").sum()

        zeros = pf.Samples(jnp.zeros((1, 3)), direction=ONES)
        error = error_of(steep, ONES, zeros)
        assert (error.node, error.edge) == (None, None)
        assert "wider dtype" in str(error)

    @pytest.mark.parametrize(
        "search", [pf.TopK(3, exhaustive=0), pf.Greedy(), pf.Sample(10, jax.random.key(0))]
    )
    def test_a_direction_that_overflows_blames_no_partial(self, search):
        doi = pf.Samples(jnp.zeros((1, 3)), direction=1.7e308 * ONES)
        error = error_of(lambda x: pf.tag(20 * x, "a").sum(), ONES, doi, search)
        assert (error.node, error.edge) == (None, None)
        text = "although all activations are finite: a partial along it is .* choose points where"
        assert re.search(f"The influence of some path is NaN or infinite {text}", str(error))
        assert "Every local partial by itself is finite" in str(error)


def test_it_travels_between_processes():
    error = pf.NonFiniteError("here", edge=("a", "b"), example=3, point=1)
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301  (made here)
    assert str(copy) == "here"
    assert (copy.node, copy.edge, copy.example, copy.point) == (None, ("a", "b"), 3, 1)
