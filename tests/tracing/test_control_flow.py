"""Loops that hold tags are unrolled; branches and loop lengths come from the concrete arguments."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import pathflow as pf

X = jnp.array([0.3, -1.2, 0.7])


def labels(fn, *args):
    return [str(node) for node in pf.trace(fn, *args).nodes]


def edges(fn, *args):
    return {(str(u), str(v)) for u, v in pf.trace(fn, *args).edges}


def step(c, _):
    return pf.tag(jnp.sin(c), "s"), None


class TestScan:
    def test_labels_count_the_iterations(self):
        found = labels(lambda x: lax.scan(step, x, None, length=3)[0].sum(), X)
        assert found == ["x", "s@0", "s@1", "s@2", "output"]

    def test_a_reverse_scan_is_labelled_by_the_place_in_its_arrays(self):
        """The first iteration reads the last entry, and its nodes say so."""
        found = edges(lambda x: lax.scan(step, x, None, length=3, reverse=True)[0].sum(), X)
        assert found == {("x", "s@2"), ("s@2", "s@1"), ("s@1", "s@0"), ("s@0", "output")}

    def test_nested_loops_are_labelled_outermost_first(self):
        def outer(c, _):
            return lax.scan(step, pf.tag(c * 2, "o"), None, length=3)[0], None

        found = labels(lambda x: lax.scan(outer, x, None, length=2)[0].sum(), X)
        inner = [[f"o@{t}", *(f"s@{t}.{k}" for k in range(3))] for t in range(2)]
        assert found == ["x", *inner[0], *inner[1], "output"]

    def test_a_tag_after_an_inner_loop_bears_the_outer_iteration_only(self):
        def outer(c, _):
            c = lax.scan(step, c, None, length=2)[0]
            return pf.tag(c, "o"), None

        found = labels(lambda x: lax.scan(outer, x, None, length=2)[0].sum(), X)
        assert found == ["x", "s@0.0", "s@0.1", "o@0", "s@1.0", "s@1.1", "o@1", "output"]

    def test_a_loop_without_tags_stays_one_step(self):
        def fn(x):
            y = lax.scan(lambda c, _: (jnp.sin(c), None), pf.tag(x * 2, "a"), None, length=50)[0]
            return pf.tag(y, "b").sum()

        traced = pf.trace(fn, X)
        assert list(map(str, traced.nodes)) == ["x", "a", "b", "output"]
        assert len(repr(traced)) < 200

    def test_an_inner_loop_without_tags_adds_no_index(self):
        def outer(c, _):
            c = lax.scan(lambda c, _: (jnp.sin(c), None), c, None, length=5)[0]
            return pf.tag(c, "o"), None

        found = labels(lambda x: lax.scan(outer, x, None, length=2)[0].sum(), X)
        assert found == ["x", "o@0", "o@1", "output"]

    def test_an_empty_loop_makes_no_node(self):
        def fn(x):
            y, ys = lax.scan(step, pf.tag(x, "a"), jnp.zeros((0, 2)))
            assert ys is None
            return y.sum()

        assert labels(fn, X) == ["x", "a", "output"]

    @pytest.mark.parametrize("unroll", [1, 2, True])
    def test_the_unroll_argument_changes_nothing(self, unroll):
        found = labels(lambda x: lax.scan(step, x, None, length=4, unroll=unroll)[0].sum(), X)
        assert found == ["x", *(f"s@{t}" for t in range(4)), "output"]

    def test_carried_values_that_pass_a_step_by_are_followed(self):
        def swap(c, _):
            a, b = c
            return (b, pf.tag(jnp.sin(a), "s")), None

        found = edges(lambda x: lax.scan(swap, (x, 2 * x), None, length=4)[0][0].sum(), X)
        assert ("s@0", "s@2") in found
        assert ("s@1", "s@3") in found
        assert ("s@0", "s@1") not in found


class TestForiAndWhile:
    def test_a_loop_of_known_length(self):
        found = labels(lambda x: lax.fori_loop(0, 3, lambda _, c: step(c, None)[0], x).sum(), X)
        assert found == ["x", "s@0", "s@1", "s@2", "output"]

    def test_iterations_count_from_zero_whatever_the_bounds(self):
        found = labels(lambda x: lax.fori_loop(2, 4, lambda _, c: step(c, None)[0], x).sum(), X)
        assert found == ["x", "s@0", "s@1", "output"]

    def test_a_length_from_an_argument(self):
        def fn(x, params):
            return lax.fori_loop(0, params["n"], lambda _, c: step(c, None)[0], x).sum()

        assert len(labels(fn, X, {"n": jnp.int32(4)})) == 6

    @pytest.mark.parametrize(("start", "turns"), [(1.0, 3), (6.0, 1), (9.0, 0)])
    def test_a_while_loop_runs_as_the_arguments_say(self, start, turns):
        def fn(x):
            doubled = lax.while_loop(lambda c: c.sum() < 8, lambda c: pf.tag(c * 2, "w"), x)
            return pf.tag(doubled, "end").sum()

        found = labels(fn, jnp.array([start]))
        assert found == ["x", *(f"w@{t}" for t in range(turns)), "end", "output"]

    def test_an_endless_loop_without_tags_in_its_body_is_not_run(self):
        """Only loops that hold tags are run while tracing; any other is left as it is."""

        def fn(x):
            y = lax.while_loop(lambda c: c.sum() < 1e9, lambda c: c * 2, pf.tag(x, "a"))
            return pf.tag(y, "b").sum()

        assert labels(fn, jnp.array([1.0])) == ["x", "a", "b", "output"]

    @pytest.mark.parametrize("most", [3, 4])
    def test_a_loop_without_an_end(self, monkeypatch, most):
        """It is given up after some number of turns; here 3 turns end it, and the fourth look."""
        monkeypatch.setattr("pathflow.tracing._flatten._MAX_ITERATIONS", most)

        def fn(x):
            return lax.while_loop(lambda c: c.sum() < 8, lambda c: pf.tag(c * 2, "w"), x).sum()

        if most == 4:
            assert labels(fn, jnp.ones(1)) == ["x", "w@0", "w@1", "w@2", "output"]
        else:
            with pytest.raises(pf.TraceError, match=r"while at .*ran 3 iterations without an end"):
                pf.trace(fn, jnp.ones(1))

    @pytest.mark.parametrize("kind", [jnp.bool_, jnp.int32])
    def test_a_tag_that_decides(self, kind):
        """It is a node, whose value is asked for; nothing flows through it, and asking is an
        error.
        """

        def fn(x):
            def go(c):
                return pf.tag((c.sum() < 8).astype(kind), "go").astype(jnp.bool_)

            return jnp.sin(lax.while_loop(go, lambda c: pf.tag(c * 2, "w"), x)).sum()

        x = jnp.ones(1)
        traced = pf.trace(fn, x)
        assert [str(n) for n in traced.nodes if n.name == "go"] == [f"go@{t}" for t in range(4)]
        assert ("w@0", "go@1") in {(str(u), str(v)) for u, v in traced.blocked}
        result = pf.attribute(traced, (x,), source="x", doi=pf.Point())
        np.testing.assert_allclose(result.total, 8 * np.cos(8.0), rtol=1e-12)
        with pytest.raises(pf.NotDifferentiableError, match=r"'go@1'"):
            pf.attribute(traced, (x,), source="go@1", doi=pf.Point())
        with pytest.raises(pf.DecisionChangedError, match=r"while.*iteration 3"):
            pf.attribute(traced, (0.9 * x,), source="x", doi=pf.Point())

    def test_a_batch_of_loops_turns_until_the_last_is_done(self):
        """What is done early is left alone: its later iterations carry nothing."""

        def fn(x):
            y = lax.while_loop(lambda c: c.sum() < 8, lambda c: pf.tag(c * 2, "w"), x)
            return jnp.sin(y).sum()

        xs = jnp.array([[1.0], [9.0], [3.0]])
        traced = pf.trace(lambda x: jax.vmap(fn)(x).sum(), xs)
        assert [str(n) for n in traced.nodes] == ["x", "w@0", "w@1", "w@2", "output"]
        result = pf.attribute(traced, (xs,), source="x", doi=pf.Point())
        # By hand: 1 turns three times, 3 twice, and 9 not at all.
        by_hand = {
            "x output": 9 * np.cos(9.0),
            "x w@0 w@1 output": 12 * np.cos(12.0),
            "x w@0 w@1 w@2 output": 8 * np.cos(8.0),
        }
        # Every other path leaves a loop that is not done, or goes on in one that is.
        for path, expected in by_hand.items():
            np.testing.assert_allclose(result[path], expected, rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(
            np.abs(result.influences).sum(), sum(map(abs, by_hand.values())), rtol=1e-12
        )
        classes = {path: path for path in by_hand}
        streamed = pf.aggregate(
            lambda x: jax.vmap(fn)(x).sum(), (xs,), classes, source="x", doi=pf.Point()
        )
        for path, expected in by_hand.items():
            np.testing.assert_allclose(streamed[path], expected, rtol=1e-12, atol=1e-14)


class TestBranches:
    def fn(self, x):
        return lax.cond(
            x.sum() > 0, lambda v: pf.tag(jnp.sin(v), "p"), lambda v: pf.tag(jnp.cos(v), "n"), x
        ).sum()

    @pytest.mark.parametrize(("x", "name"), [(X + 5, "p"), (X - 5, "n")])
    def test_the_branch_taken_is_the_graph(self, x, name):
        assert labels(self.fn, x) == ["x", name, "output"]

    @pytest.mark.parametrize("number", [0, 1, 2, 7, -1])
    def test_a_switch_clamps_its_index(self, number):
        def fn(x, params):
            branches = [lambda v, k=k: pf.tag(v * k, f"b{k}") for k in range(3)]
            return lax.switch(params["n"], branches, x).sum()

        wanted = f"b{min(max(number, 0), 2)}"
        assert labels(fn, X, {"n": jnp.int32(number)}) == ["x", wanted, "output"]

    def test_a_loop_may_branch_by_its_iteration(self):
        def body(c, t):
            even, odd = (lambda v, n=n: pf.tag(jnp.sin(v), n) for n in ("even", "odd"))
            return lax.cond(t % 2 == 0, even, odd, c), None

        found = labels(lambda x: lax.scan(body, x, jnp.arange(4))[0].sum(), X)
        assert found == ["x", "even@0", "odd@1", "even@2", "odd@3", "output"]

    def test_branches_without_tags_are_decided_at_each_point(self):
        def fn(x):
            y = lax.cond(x.sum() > 0, jnp.sin, lambda v: 5 * v, pf.tag(x, "a"))
            return pf.tag(y, "b").sum()

        traced = pf.trace(fn, X + 5)
        result = pf.attribute(traced, (X - 5,), source="x", doi=pf.Point())
        np.testing.assert_allclose(result.total, 5 * (X - 5).sum())


class TestDecisionsAreRechecked:
    """A graph holds for the decisions that it was traced with."""

    fn = TestBranches.fn

    def test_at_other_arguments(self):
        traced = pf.trace(self.fn, X + 5)
        with pytest.raises(pf.DecisionChangedError, match=r"cond.*trace"):
            pf.attribute(traced, (X - 5,), source="x", doi=pf.Point())

    def test_at_a_point_of_interest(self):
        """The line from -6 to x crosses the branch; the line from -0.1 does not."""
        traced = pf.trace(self.fn, X + 5)
        close, far = X * 0 + 0.1, X * 0 - 6
        assert pf.attribute(traced, (X + 5,), source="x", doi=pf.Line(close)).audit.ok
        with pytest.raises(pf.DecisionChangedError):
            pf.attribute(traced, (X + 5,), source="x", doi=pf.Line(far))

    def test_of_one_example_among_others(self):
        traced = pf.trace(self.fn, X + 5)
        with pytest.raises(pf.DecisionChangedError):
            pf.attribute(
                traced, (jnp.stack([X + 5, X - 5]),), source="x", doi=pf.Point(), in_axes=(0,)
            )

    def test_of_a_loop_that_would_run_longer(self):
        def fn(x):
            return lax.while_loop(lambda c: c.sum() < 8, lambda c: pf.tag(c * 2, "w"), x).sum()

        one = jnp.ones(1)
        traced = pf.trace(fn, one)
        assert pf.attribute(traced, (1.2 * one,), source="x", doi=pf.Point()).audit.ok
        for other in (0.9 * one, 2.1 * one):
            with pytest.raises(pf.DecisionChangedError, match="while"):
                pf.attribute(traced, (other,), source="x", doi=pf.Point())

    def test_only_those_that_the_source_can_change(self):
        """What comes before the source may differ too; a decision after it sees the new value."""

        def fn(x, params):
            y = pf.tag(x * params["scale"], "y")
            return self.fn(y) + pf.tag(x**2, "z").sum()

        traced = pf.trace(fn, X + 5, {"scale": jnp.asarray(1.0)})
        args = (X + 5, {"scale": jnp.asarray(-1.0)})
        with pytest.raises(pf.DecisionChangedError):
            pf.attribute(traced, args, source="x", doi=pf.Point())

    def test_shapes_alone_cannot_decide(self):
        with pytest.raises(pf.TraceError, match="concrete"):
            pf.trace(self.fn, jax.ShapeDtypeStruct((3,), jnp.float64))
