"""A graph holds for the decisions that it was traced with, and says so; other arguments give
another graph.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import pathflow as pf

X = jnp.array([0.3, -1.2, 0.7])


def branched(x):
    ways = (lambda v: pf.tag(jnp.sin(v), "p")), (lambda v: pf.tag(jnp.cos(v), "n"))
    return lax.cond(x.sum() > 0, *ways, x).sum()


def switched(x):
    ways = [lambda v, k=k: pf.tag(jnp.sin(v * k), f"b{k}") for k in (1, 2, 3)]
    return lax.switch((x[0] + 1).astype(jnp.int32), ways, x).sum()


def looped(x):
    return jnp.sin(lax.while_loop(lambda c: c.sum() < 8, lambda c: pf.tag(c * 2, "w"), x)).sum()


def counted(x, params):
    step = lambda _, c: pf.tag(jnp.sin(c), "s")  # noqa: E731
    return lax.fori_loop(0, params["n"], step, x).sum()


def labels(traced):
    return [str(node) for node in traced.nodes]


CASES = {
    "cond": (branched, (X + 5,), (X - 5,), ["x", "n", "output"]),
    "switch": (switched, (X,), (X + 1.5,), ["x", "b3", "output"]),
    "while": (looped, (X + 2,), (X + 1,), ["x", "w@0", "w@1", "output"]),
    "fori_loop": (
        counted,
        (X, {"n": jnp.int32(1)}),
        (X, {"n": jnp.int32(3)}),
        ["x", "s@0", "s@1", "s@2", "output"],
    ),
}


class TestRetrace:
    @pytest.mark.parametrize(("fn", "args", "others", "expected"), CASES.values(), ids=CASES)
    def test_it_is_the_graph_of_the_other_arguments(self, fn, args, others, expected):
        traced = pf.trace(fn, *args)
        other = traced.retrace(*others)
        assert labels(other) == expected != labels(traced)
        assert other.graph == pf.trace(fn, *others).graph
        result = pf.attribute(other, others, source="x", doi=pf.Point())
        x, *rest = others
        wanted = jax.jvp(lambda x: fn(x, *rest), (x,), (x,))[1]
        np.testing.assert_allclose(result.total, wanted, rtol=1e-12)

    def test_back_again(self):
        """A graph of other decisions has lost nothing."""
        traced = pf.trace(branched, X + 5)
        assert traced.retrace(X - 5).retrace(X + 5).graph == traced.graph

    def test_no_python_is_run(self):
        calls = []

        def fn(x):
            calls.append(1)
            return branched(x)

        traced = pf.trace(fn, X + 5)
        of_trace = len(calls)
        traced.retrace(X - 5)
        assert len(calls) == of_trace

    def test_the_quantity_the_split_and_the_inputs_stay(self):
        def fn(x, y):
            return branched(x) * y

        split = {"n": pf.Components(), "p": pf.Components()}
        ones = jnp.ones(3)
        traced = pf.trace(fn, X + 5, ones, qoi=pf.Logit(1), inputs=["x"], split=split)
        other = traced.retrace(X - 5, ones)
        for graph, name in ((traced, "p"), (other, "n")):
            assert labels(graph) == ["x", *(f"{name}[{i}]" for i in range(3)), "qoi"]

    def test_a_function_traced_by_its_shapes(self):
        def fn(x):
            return pf.tag(jnp.sin(x), "s").sum()

        traced = pf.trace(fn, jax.ShapeDtypeStruct((3,), X.dtype))
        assert traced.retrace(X).graph == traced.graph

    def test_shapes_alone_cannot_decide(self):
        traced = pf.trace(branched, X)
        with pytest.raises(pf.TraceError, match=r"cond.*shapes"):
            traced.retrace(jax.ShapeDtypeStruct((3,), X.dtype))

    @pytest.mark.parametrize(
        ("args", "words"),
        [
            ((X[:2],), r"argument 0 is float64\[2\].*float64\[3\]"),
            ((X.astype(jnp.float32),), r"argument 0 is float32"),
            ((X, X), r"built otherwise"),
            (({"x": X},), r"built otherwise"),
        ],
    )
    def test_arguments_of_another_kind(self, args, words):
        with pytest.raises(pf.ShapeError, match=words):
            pf.trace(branched, X).retrace(*args)


class TestTheMessage:
    @pytest.mark.parametrize(
        ("fn", "words"),
        [
            (branched, r"cond at \S*test_retrace.py:\d+.*deciding 1.*decides 0.*retrace"),
            (switched, r"cond at \S*test_retrace.py:\d+.*deciding 1.*decides 0.*retrace"),
            (
                looped,
                r"while at \S*test_retrace.py:\d+.*iteration 1 deciding 0.*decides 1.*retr",
            ),
        ],
    )
    def test_names_the_decision_what_was_and_what_is(self, fn, words):
        x = X + (1.0 if fn is looped else 0.3)
        traced = pf.trace(fn, x + 1 if fn is looped else x)
        with pytest.raises(pf.DecisionChangedError, match=words):
            pf.attribute(traced, (x - 1,), source="x", doi=pf.Point())


SEARCHES = [
    pf.Enumerate(),
    pf.TopK(1),
    pf.Above(0.1),
    pf.Greedy(),
    pf.Sample(4, jax.random.key(0)),
    pf.Refine("x p output", {"p": pf.Components()}),
    pf.Aggregate({"p": ".* p .*"}),
    pf.Aggregate({"p": ".* p .*"}, pf.Streaming()),
    pf.Conductance(),
]


class TestEverySearchRefuses:
    """On the line from -6 the branch is taken otherwise at points that are neither of its ends."""

    @pytest.mark.parametrize("search", SEARCHES, ids=lambda s: type(s).__name__)
    def test_a_point_that_decides_otherwise(self, search):
        traced = pf.trace(branched, X + 5)
        ask = {"source": "x", "search": search}
        pf.attribute(traced, (X + 5,), doi=pf.Line(X + 1, 2), **ask)
        with pytest.raises(pf.DecisionChangedError, match="retrace"):
            pf.attribute(traced, (X + 5,), doi=pf.Line(X - 6, 4), **ask)

    def test_between_two_ends_that_agree(self):
        def fn(x):
            ways = (lambda v: pf.tag(jnp.sin(v), "p")), (lambda v: pf.tag(jnp.cos(v), "n"))
            return lax.cond(x[0] ** 2 > 1, *ways, x).sum()

        traced = pf.trace(fn, X + 5)
        with pytest.raises(pf.DecisionChangedError):
            pf.attribute(traced, (X + 5,), source="x", doi=pf.Line(X - 6, 8))
