"""The names of tags are read off the program, whatever its decisions and its length."""

import jax.numpy as jnp
import pytest
from jax import lax

import pathflow as pf

X = jnp.array([0.3, -1.2, 0.7])


def labels(fn, *args, **kwargs):
    return [str(node) for node in pf.trace(fn, *args, **kwargs).nodes]


def a(x, factor=2.0):
    return pf.tag(x * factor, "a")


class TestBranches:
    """Of one name's places in several branches only one is executed: they share a number."""

    @staticmethod
    def fn(x):
        y = lax.cond(x.sum() > 0, lambda v: a(a(v)), lambda v: a(v, 3.0), x)
        return a(y).sum()

    @pytest.mark.parametrize(("x", "found"), [(X + 5, ["a", "a#1", "a#2"]), (X - 5, ["a", "a#2"])])
    def test_numbers_go_on_after_the_longest_branch(self, x, found):
        assert labels(self.fn, x) == ["x", *found, "output"]

    def test_a_loop_that_takes_each_branch_in_turn_uses_one_name(self):
        def body(c, t):
            return lax.cond(t % 2 == 0, a, lambda v: a(v, 3.0), c), None

        found = labels(lambda x: lax.scan(body, x, jnp.arange(3))[0].sum(), X)
        assert found == ["x", "a@0", "a@1", "a@2", "output"]

    def test_a_nested_branch(self):
        def inner(v):
            return lax.cond(v[0] > 0, lambda v: a(a(v)), lambda v: v, v)

        def fn(x):
            return a(lax.cond(x.sum() > 0, inner, lambda v: a(a(a(v))), x)).sum()

        assert labels(fn, X + 5) == ["x", "a", "a#1", "a#3", "output"]

    def test_of_a_switch(self):
        def fn(x, number):
            ways = [lambda v: v, a, lambda v: pf.tag(a(v), "b")]
            return a(lax.switch(number, ways, x)).sum()

        names = [labels(fn, X, jnp.int32(n)) for n in range(3)]
        assert names == [
            ["x", "a#1", "output"],
            ["x", "a", "a#1", "output"],
            ["x", "a", "b", "a#1", "output"],
        ]


def test_a_loop_that_does_not_run_keeps_its_numbers():
    """What follows is named the same, however often the loop runs."""

    def fn(x):
        y = lax.while_loop(lambda c: c.sum() < 8, a, x)
        return lax.scan(lambda c, _: (a(c), None), y, None, length=1)[0].sum()

    assert labels(fn, X + 5)[1] == "a#1@0"
    assert labels(fn, X + 1)[1:4] == ["a@0", "a@1", "a#1@0"]


def test_a_loop_of_length_zero_is_no_place():
    def fn(x):
        y = lax.scan(lambda c, _: (a(c), None), x, None, length=0)[0]
        return lax.scan(lambda c, _: (a(c), None), y, None, length=1)[0].sum()

    assert labels(fn, X) == ["x", "a@0", "output"]


def test_tags_that_are_not_selected_take_no_number():
    def fn(x):
        return pf.tag(pf.tag(x * 2, "b"), "a").sum() + a(x).sum()

    assert labels(fn, X, nodes=pf.tagged("a")) == ["x", "a", "a#1", "output"]


def test_the_condition_of_a_loop_comes_before_its_body():
    def fn(x):
        return lax.while_loop(lambda c: a(c).sum() < 8, a, x).sum()

    assert labels(fn, X + 1)[1:3] == ["a@0", "a#1@0"]


def test_what_holds_no_selected_tag_is_neither_unrolled_nor_decided():
    """Leaving a name out is the same as never having written the tag."""

    def loop(x, mark):
        y = lax.while_loop(lambda c: c.sum() < 0, lambda c: mark(c, "w"), x)
        return pf.tag(lax.cond(y[0] > 0, lambda v: mark(v, "w"), lambda v: 2 * v, y), "y").sum()

    selected = pf.trace(lambda x: loop(x, pf.tag), X, nodes=pf.tagged("y"))
    without = pf.trace(lambda x: loop(x, lambda v, _: v), X)
    assert selected.graph == without.graph
    assert not selected.guards
