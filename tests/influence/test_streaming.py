"""Sums over classes of paths of a function as it is, against sums of single paths."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from jax import lax

import pathflow as pf
from tests.helpers import (
    OUTPUT,
    Points,
    assert_sums_of_paths,
    brute_force,
    by_path,
    class_sums,
    count_paths,
    dag_programs,
    patterns,
    programs,
    structure,
)

pytestmark = pytest.mark.filterwarnings("ignore::pathflow.PatternWarning")

_EXACT = 1e-10
X, Y = jnp.array([0.3, -1.2, 0.7]), jnp.array([0.9, 0.2, -0.4])
W = jnp.asarray(np.random.default_rng(0).normal(size=(3, 3)))


def check(fn, args, classes, source="x", doi=None, **question):
    """Streams a function, and compares with the enumeration of its graph's paths."""
    doi = pf.Point() if doi is None else doi
    target = question.pop("target", None)
    traced = pf.trace(fn, *args, **question)
    ends = {"source": source, "doi": doi, "target": target}
    every = pf.attribute(traced, args, **ends)
    result = pf.aggregate(fn, args, classes, **ends, **question)
    assert_sums_of_paths(result, by_path(every), classes)
    assert result.audit.ok
    assert any(result[name] for name in result.names)
    return result


class TestRandomPrograms:
    @given(programs(), st.data())
    @settings(max_examples=settings().max_examples // 7)
    def test_classes_are_sums_of_paths(self, program, data):
        args = program.args()
        graph = structure(program, args)
        assume(0 < count_paths(graph, ["x"], OUTPUT) <= 400)
        classes = {name: data.draw(patterns(sorted(graph)), label=name) for name in "ab"}
        x = np.asarray(args[0])
        expected = brute_force(program, args, Points({"x": x[None]}, np.ones(1), {"x": x}))
        try:
            result = pf.aggregate(
                program.function(), args, classes, source="x", target=OUTPUT, doi=pf.Point()
            )
        except (pf.NoPathError, pf.NotDifferentiableError):
            assert expected.scale <= _EXACT
            return
        assert_sums_of_paths(result, expected.influences, classes)
        assert result.audit.ok

    @given(dag_programs(max_nodes=4), st.data())
    @settings(max_examples=settings().max_examples // 15)
    def test_of_every_example_at_every_point(self, program, data):
        args = program.args()
        classes = {"a": data.draw(patterns(sorted(structure(program, args))))}
        batch = (jnp.stack([program.args(k)[0] for k in range(2)]), args[-1])
        start = jnp.zeros_like(args[0])
        result = pf.aggregate(
            program.function(),
            batch,
            classes,
            source="x",
            doi=pf.Line(start, n_steps=2, rule=pf.Midpoint()),
            in_axes=(0, None),
            # One point of one example at a time.
            memory=1,
        )
        for k in range(2):
            end = np.asarray(batch[0][k])
            points = Points({"x": np.stack([end / 4, 3 * end / 4])}, np.full(2, 0.5), {"x": end})
            assert_sums_of_paths(
                result.example(k), brute_force(program, args, points).influences, classes
            )


def step(c, _=None):
    a = pf.tag(jnp.tanh(W @ c), "a")
    b = pf.tag(jnp.sin(c) * a, "b")
    return pf.tag(a + b * c, "c"), b


def scanned(x, length=4, reverse=False):
    c, ys = lax.scan(step, x, None, length=length, reverse=reverse)
    return c.sum() + (ys[1] * ys[-1]).sum()


def nested(x):
    def outer(c, w):
        inner = lax.scan(step, c, None, length=2)[0]
        return pf.tag(inner * w, "o") + c, None

    return lax.scan(outer, x, jnp.array([0.5, -1.3]))[0].sum()


def while_loop(x):
    def body(state):
        t, c = state
        return t + 1, step(c)[0]

    return lax.while_loop(lambda s: (s[0] < 3) & (s[1].sum() < 9), body, (0, x))[1].sum()


def branched(x):
    def body(c, t):
        ways = [lambda v: pf.tag(jnp.sin(v), "p"), lambda v: pf.tag(v * v, "p"), lambda v: v]
        return pf.tag(lax.switch(t % 3, ways, c) + 0.3 * c, "q"), None

    y = lax.scan(body, x, jnp.arange(5))[0]
    return lax.cond(x[0] > 9, lambda v: pf.tag(v, "p"), lambda v: v, y).sum()


def rematerialised(x):
    return lax.scan(jax.checkpoint(step), x, None, length=3)[0].sum()


def mapped(x):
    y = jax.vmap(lambda v: pf.tag(jnp.sin(v) * x, "m"))(x)
    return pf.tag(y.sum(0), "s").sum() + y.sum()


PROGRAMS = {
    "scan": (scanned, {"a": "x .* b@2: .* output", "b": "x a@0 c@:2 .*", "c": ".* (a@1|b@3) .*"}),
    "reverse": (
        lambda x: scanned(x, reverse=True),
        {"a": "x .* b@1 .*", "b": "x . c@3 .* c@1:3 .*"},
    ),
    "nested": (nested, {"a": "x .* c@0.1 .*", "b": ".* a@:.1: .*", "c": ".* o@1 output"}),
    "while": (while_loop, {"a": "x .* a@1 .*", "b": "x (. .) .* b@1: .*"}),
    "branches": (branched, {"a": "x p@0 .*", "b": ".* p@1: .*", "c": "x q* output"}),
    "remat": (rematerialised, {"a": "x .* b@1 .*"}),
    "jit": (jax.jit(lambda x: jax.jit(scanned)(jnp.sin(x))), {"a": ".* a .* a .*"}),
    "vmap": (mapped, {"a": "x m output", "b": "x m s output"}),
}


@pytest.mark.parametrize(("fn", "classes"), PROGRAMS.values(), ids=PROGRAMS)
def test_control_flow(fn, classes):
    check(fn, (X,), classes)


class TestEnds:
    def test_two_inputs(self):
        fn = lambda x, y: scanned(x) * y.sum() + step(pf.tag(x * y, "xy"))[0].sum()  # noqa: E731
        classes = {"x": "x .*", "xy": ". xy .*", "loop": ".* b@1 .*"}
        check(fn, (X, Y), classes, source=("x", "y"))

    @pytest.mark.parametrize("source", [("c@2", "a@0"), ("x", "b@1")])
    def test_inner_sources_cut_what_comes_before(self, source):
        check(scanned, (X,), {"a": ".* a .*", "b": ".* c@2: .*"}, source=source)

    def test_a_line_to_an_inner_source(self):
        doi = pf.Line(jnp.zeros(3), n_steps=3)
        result = check(scanned, (X,), {"a": ".* a@2 .*"}, source="c@0", doi=doi)
        assert result.audit.quadrature is not None

    def test_an_inner_target(self):
        def fn(x):
            def body(c, _):
                c, b = step(c)
                return c, pf.tag(b.sum(), "s")

            return lax.scan(body, x, None, length=4)[1].sum()

        for target in ("s@2", "s@0"):
            check(fn, (X,), {"a": "x .* b s", "b": ".* a .*"}, target=target)

    def test_the_output_may_be_a_tag(self):
        def fn(x):
            return jax.jit(lambda v: pf.tag(scanned(v), "end"))(x)

        check(fn, (X,), {"a": ".* b end", "b": ".* a .* end"})

    def test_the_output_may_be_the_last_tag_of_a_loop(self):
        def fn(x):
            return lax.scan(
                lambda c, w: (pf.tag(jnp.tanh(c + w), "s"), None), x.sum(), jnp.arange(3.0)
            )[0]

        result = check(fn, (X,), {"a": "x s+"})
        assert result["a"] == result.total
        assert result.metadata["target"] == "s@2"

    def test_a_quantity_of_interest_and_a_coarser_graph(self):
        fn = lambda x: lax.scan(step, x, None, length=3)[0]  # noqa: E731
        classes = {"a": "x c@0 .* qoi", "b": ".* b .*"}
        check(fn, (X,), classes, qoi=pf.LogitDifference(0, 2), nodes=pf.tagged("c", "b"))


def test_examples_with_distributions_and_quantities_of_their_own():
    fn = lambda x, w: lax.scan(step, x * w, None, length=3)[0]  # noqa: E731
    xs, baselines = jnp.stack([X, Y, X - Y]), jnp.stack([Y, X, X])
    good, bad = jnp.array([0, 1, 2]), jnp.array([1, 2, 0])
    classes = {"a": ".* b@1 .*", "b": "x a .*"}
    result = pf.aggregate(
        fn,
        (xs, 0.7),
        classes,
        source="x",
        doi=pf.Line(baselines, n_steps=3),
        qoi=pf.LogitDifference(good, bad),
        in_axes=(0, None),
    )
    assert result.audit.ok
    for k in range(3):
        alone = pf.aggregate(
            fn,
            (xs[k], 0.7),
            classes,
            source="x",
            doi=pf.Line(baselines[k], n_steps=3),
            qoi=pf.LogitDifference(good[k], bad[k]),
        )
        assert class_sums(result.example(k)) == pytest.approx(class_sums(alone), abs=1e-12)


def test_a_tolerance_adds_points():
    doi = pf.Line(-X, n_steps=2, rule=pf.Midpoint(), tol=0.3)
    result = pf.aggregate(scanned, (X,), {"a": ".* a .*"}, source="x", doi=doi)
    assert result.audit.n_steps > 2
    assert abs(result.audit.quadrature) <= 0.3


def test_branches_are_followed_at_every_point():
    """A graph holds for one decision; here every point takes its own branch."""

    def fn(x):
        y = lax.cond(x.sum() > 0, lambda v: pf.tag(v * v, "up"), lambda v: pf.tag(3 * v, "down"), x)
        return pf.tag(y, "y").sum()

    points = jnp.stack([X + 5, X - 5])
    result = pf.aggregate(
        fn, (X,), {"up": "x up y .", "down": ".* down .*"}, source="x", doi=pf.Samples(points)
    )
    assert result["up"] == pytest.approx(float((2 * points[0] * X).sum()) / 2)
    assert result["down"] == pytest.approx(float(3 * X.sum()) / 2)
    assert result.rest == 0.0


def test_decisions_of_a_graph_hold_at_every_point_of_every_example():
    """A graph's paths are those of the branch that was taken when it was traced."""

    def fn(x):
        y = lax.cond(x.sum() > 0, lambda v: pf.tag(v * 2, "p"), lambda v: pf.tag(v * 3, "n"), x)
        return pf.tag(y, "y").sum()

    traced = pf.trace(fn, X + 5)
    batch, ends = jnp.stack([X + 5, X + 6, X + 7]), jnp.stack([X + 1, X + 2, X - 9])
    search = pf.Aggregate({"p": ".* p .*"}, pf.Streaming())

    def ask(examples):
        doi = pf.Line(ends[:examples], n_steps=3)
        args = (batch[:examples],)
        return pf.attribute(traced, args, source="x", doi=doi, search=search, in_axes=0)

    np.testing.assert_allclose(ask(2)["p"], 2 * (batch - ends)[:2].sum(axis=1))
    with pytest.raises(pf.DecisionChangedError):
        ask(3)


def test_a_custom_vjp_is_served_in_reverse():
    @jax.custom_vjp
    def rule(v):
        return jnp.sin(v)

    rule.defvjp(lambda v: (rule(v), v), lambda v, ct: (2.5 * jnp.cos(v) * ct,))

    def fn(x):
        def body(c, _):
            a = pf.tag(rule(W @ c), "a")
            return pf.tag(a + c * jnp.cos(c), "c"), None

        return lax.scan(body, x, None, length=3)[0].sum()

    classes = {"a": "x a .*", "b": ".* a@1: .*", "no a": "x c* output"}
    check(fn, (X,), classes)
    check(fn, (X,), classes, source=("x", "a@1"))


def test_float32_is_kept_within_rounding():
    def fn(x, w):
        def body(c, _):
            a = pf.tag(jnp.tanh(w @ c), "a")
            return pf.tag(a + c * a, "c"), None

        return lax.scan(body, x, None, length=5)[0].sum()

    def ask(dtype):
        start = jnp.zeros(3, dtype)
        return pf.aggregate(
            fn,
            (X.astype(dtype), W.astype(dtype)),
            {"a": "x .* a@2 .*", "b": "x c+ output"},
            source="x",
            doi=pf.Line(start, n_steps=4),
        )

    result, exact = ask(jnp.float32), ask(jnp.float64)
    assert result.audit.ok
    assert result.audit.dtype == "float32"
    assert class_sums(result) == pytest.approx(class_sums(exact), rel=1e-4)
