"""What cannot be asked of a function as it is, and what it costs to ask again."""

import os
import subprocess
import sys
from textwrap import dedent

import jax
import jax.numpy as jnp
import pytest
from jax import lax

import pathflow as pf
from tests.helpers import compiled

X = jnp.array([0.3, -1.2, 0.7])
ANY = {"any": ".*"}


def step(c, _=None):
    return pf.tag(jnp.sin(c) * 1.3, "s"), None


def scanned(x):
    return lax.scan(step, x, None, length=5)[0].sum()


def while_loop(x):
    return lax.while_loop(lambda c: c.sum() < 8, lambda c: pf.tag(c * 2, "w"), x).sum()


def branched(x):
    y = lax.cond(x.sum() > 0, lambda v: pf.tag(v * 2, "p"), lambda v: pf.tag(v * 3, "n"), x)
    return pf.tag(y, "y").sum()


def ask(fn, x=X, classes=ANY, source="x", doi=None, **kwargs):
    return pf.aggregate(fn, (x,), classes, source=source, doi=doi or pf.Point(), **kwargs)


class TestLabels:
    def test_a_label_that_is_none_lists_those_like_it(self):
        with pytest.raises(pf.UnknownNodeError, match=r"no node 't@0'.*s@i"):
            ask(scanned, source="t@0")

    def test_a_label_without_its_index(self):
        with pytest.raises(pf.UnknownNodeError, match=r"'s'.*close matches: s@i"):
            ask(scanned, source="s")

    def test_an_index_beyond_the_loop(self):
        with pytest.raises(pf.UnknownNodeError, match=r"'s@5'.*0 \.\. 4"):
            ask(scanned, source="s@5")

    def test_an_iteration_that_does_not_happen(self):
        with pytest.raises(pf.UnknownNodeError, match=r"'w@2'.*never"):
            ask(while_loop, X + 1, source="w@2")

    def test_a_branch_that_is_not_taken(self):
        with pytest.raises(pf.UnknownNodeError, match=r"'n'.*never"):
            ask(branched, X + 5, source="n")

    def test_a_target_that_a_point_does_not_reach(self):
        def fn(x):
            return lax.cond(x.sum() > 0, lambda v: pf.tag(v.sum(), "p"), lambda v: v.sum(), x)

        with pytest.raises(pf.DecisionChangedError, match="'p'"):
            ask(fn, X + 5, doi=pf.Samples(jnp.stack([X + 5, X - 5])), target="p")

    def test_branches_with_values_of_different_shapes(self):
        def fn(x):
            ways = lambda v: pf.tag(v, "p").sum(), lambda v: pf.tag(v[:2], "p").sum()
            return lax.cond(x.sum() > 0, *ways, x)

        with pytest.raises(pf.ShapeError, match="'p'.*branch"):
            ask(fn, source="p")

    @pytest.mark.parametrize("source", [(), ("x", "x"), "output"])
    def test_ends_that_no_set_of_paths_can_have(self, source):
        with pytest.raises(pf.GraphError, match="source"):
            ask(scanned, source=source)


class TestWays:
    def test_a_source_that_does_not_reach_the_target(self):
        def fn(x, y):
            steps = pf.tag(y, "b").astype(jnp.int32).astype(x.dtype)
            return pf.tag(x * 2, "a").sum() + steps.sum()

        for source in ("y", "b"):
            with pytest.raises(pf.NotDifferentiableError, match=source):
                pf.aggregate(fn, (X, X), ANY, source=source, doi=pf.Point())

    def test_a_source_that_another_one_shadows(self):
        def fn(x):
            return pf.tag(x * 2, "a").sum()

        with pytest.raises(pf.NoPathError, match="'x'"):
            ask(fn, source=("x", "a"))

    def test_a_source_after_the_target(self):
        def fn(x):
            a = pf.tag(x.sum(), "a")
            return pf.tag(a * 2, "b") + 1

        with pytest.raises(pf.NoPathError, match="'b'"):
            ask(fn, source="b", target="a")

    @pytest.mark.parametrize(
        "stop", [lax.stop_gradient, lambda v: jnp.round(v).astype(jnp.int32).astype(v.dtype)]
    )
    def test_stops_of_derivatives(self, stop):
        def fn(x):
            return lax.scan(lambda c, _: (stop(step(c)[0]), None), x, None, length=2)[0].sum()

        with pytest.raises(pf.NotDifferentiableError, match="stop_gradient"):
            ask(fn)

    def test_integers(self):
        def fn(x, n):
            return (pf.tag(x, "a") * pf.tag(n, "n").astype(x.dtype)).sum()

        with pytest.raises(pf.NotDifferentiableError, match="int"):
            pf.aggregate(fn, (X, jnp.arange(3)), ANY, source="n", doi=pf.Point())

    def test_rules_that_leave_no_way(self):
        @jax.custom_vjp
        def rule(v):
            return v

        rule.defvjp(lambda v: (v, None), lambda _, ct: (ct,))

        with pytest.raises(pf.NotDifferentiableError, match="while"):
            ask(lambda x: while_loop(rule(x)), X + 1)

    def test_tags_inside_a_rule_are_ignored_with_a_warning(self):
        @jax.custom_jvp
        def rule(v):
            return pf.tag(v * 2, "hidden")

        rule.defjvp(lambda p, t: (rule(*p), 2 * t[0]))
        with pytest.warns(UserWarning, match="custom_jvp.*tags"):
            result = ask(lambda x: pf.tag(rule(x), "a").sum(), classes={"a": "x a output"})
        assert result.rest == 0.0


class TestValues:
    def test_the_first_activation_that_is_no_number_is_named(self):
        def fn(x):
            def body(c, t):
                return pf.tag(pf.tag(c - t, "d") ** 0.5, "r"), None

            return lax.scan(body, x, jnp.arange(4.0))[0].sum()

        with pytest.raises(pf.NonFiniteError, match="'r@1'") as error:
            ask(fn, jnp.array([0.5, 0.25]))
        assert "quantity of interest" not in str(error.value)

    def test_a_quantity_of_interest_that_is_no_number(self):
        with pytest.raises(pf.NonFiniteError, match=r"'qoi' is NaN.*index of the quantity"):
            ask(scanned, qoi=lambda y: jnp.log(-jnp.abs(y)))

    def test_a_partial_that_is_no_number(self):
        with pytest.raises(pf.NonFiniteError, match="partial"):
            ask(lambda x: jnp.sqrt(pf.tag(x, "a")).sum(), jnp.zeros(2), doi=pf.Point(X[:2]))

    def test_an_index_outside_the_output(self):
        fn = lambda x: lax.scan(step, x, None, length=2)[0]  # noqa: E731
        for x, index, axes in ((X, 7, None), (X[None], jnp.array([7]), 0)):
            with pytest.raises(pf.ArgumentError, match="index=7 is outside"):
                ask(fn, x, qoi=pf.Logit(index), in_axes=axes)


class TestArguments:
    @pytest.mark.usefixtures("unchecked")
    @pytest.mark.parametrize(
        ("change", "error", "match"),
        [
            ({"args": X}, pf.ArgumentError, "args"),
            ({"args": (X, X)}, pf.TraceError, "2 arguments"),
            ({"fn": 3}, pf.ArgumentError, "fn"),
            ({"partition": 3}, pf.PatternError, "partition"),
            ({"partition": {"a": "x ("}}, pf.PatternError, "a|x"),
            ({"partition": {"rest": "x"}}, pf.ArgumentError, "rest"),
            ({"doi": 3}, pf.ArgumentError, "doi"),
            ({"doi": pf.Line(jnp.zeros(2))}, pf.ShapeError, "baseline"),
            ({"target": "s@1"}, pf.ShapeError, "scalar"),
            ({"in_axes": (0, 0)}, pf.ArgumentError, "in_axes"),
            ({"in_axes": 3}, pf.ShapeError, "axis 3"),
            ({"inputs": ["y"]}, pf.TraceError, "inputs"),
            ({"memory": 0}, pf.ArgumentError, "memory"),
            ({"nodes": pf.tagged("nothing")}, pf.TraceError, "chooses nothing"),
            ({"qoi": lambda y: jnp.stack([y, y])}, pf.ShapeError, "scalar|shape"),
        ],
    )
    def test_are_refused_by_name(self, change, error, match):
        given = {"fn": scanned, "args": (X,), "partition": ANY, "source": "x", "doi": pf.Point()}
        with pytest.raises(error, match=match):
            pf.aggregate(**{**given, **change})

    @pytest.mark.parametrize("more", [{"nodes": pf.tagged("s")}, {"inputs": ("x",)}], ids=str)
    def test_nodes_of_a_traced_graph_are_chosen_already(self, more):
        (name,) = more
        with pytest.raises(pf.ArgumentError, match=rf"aggregate\({name}=\.\.\.\) chooses"):
            ask(pf.trace(scanned, X), **more)

    def test_under_a_transformation(self):
        with pytest.raises(pf.ArgumentError, match="outside jit"):
            jax.jit(lambda x: ask(scanned, x).total)(X)

    @pytest.mark.parametrize(
        ("pattern", "match"),
        [
            ("x t+ output", "like `t`"),
            ("x s@7: .*", "like `s@7:`"),
            ("s+ output", "output: no sequence of the function.*like it. A pattern .* both ends"),
        ],
    )
    def test_a_pattern_that_nothing_can_match(self, pattern, match):
        with pytest.warns(pf.PatternWarning, match=match):
            result = ask(scanned, classes={"a": pattern})
        assert result["a"] == 0.0


def lengthened(steps):
    return lambda x: lax.scan(step, x, None, length=steps)[0].sum()


def test_compilations_do_not_grow_with_the_length_and_are_kept():
    counts = []
    for steps in (20, 200):
        with compiled() as seen:
            ask(lengthened(steps), classes={"a": ".* s@3: .*"}, doi=pf.Line(X * 0, n_steps=3))
        counts.append(len(seen))
    assert counts[1] <= counts[0]
    # Another function that computes the same, another input, other points; made beforehand, since
    # arithmetic on arrays outside jit compiles too, the first time in a process.
    other, doi = X + 1, pf.Line(X * 0 - 1, n_steps=3)
    with compiled() as seen:
        ask(lengthened(200), other, {"a": ".* s@3: .*"}, doi=doi)
    assert not seen


def test_work_is_reported():
    fractions = []
    xs = jnp.stack([X + k for k in range(3)])
    ask(scanned, xs, in_axes=0, memory=1, progress=fractions.append)
    assert fractions == pytest.approx([1 / 3, 2 / 3, 1.0])


_SHARDED = """
import jax, jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import NamedSharding, PartitionSpec as P
import pathflow as pf

jax.config.update("jax_enable_x64", True)
assert jax.device_count() == 2
mesh = jax.make_mesh((2,), ("d",), axis_types=(jax.sharding.AxisType.Auto,))
rng = np.random.default_rng(0)
w, x = jnp.asarray(rng.normal(size=(4, 4))), jnp.asarray(rng.normal(size=(6, 4)))

def fn(x, w):
    def body(c, _):
        a = pf.tag(jnp.tanh(c @ w), "a")
        a = lax.with_sharding_constraint(a, NamedSharding(mesh, P("d", None)))
        return pf.tag(a + c, "c"), None
    return lax.scan(jax.checkpoint(body), x, None, length=4)[0].sum()

ask = {"source": "x", "doi": pf.Line(jnp.zeros_like(x), n_steps=3)}
classes = {"a": "x .* a@2 .*", "b": "x c+ output"}
plain = pf.aggregate(fn, (x, w), classes, **ask)
for spec_x, spec_w in ((P("d", None), P()), (P(None, "d"), P("d", None))):
    args = (
        jax.device_put(x, NamedSharding(mesh, spec_x)),
        jax.device_put(w, NamedSharding(mesh, spec_w)),
    )
    found = pf.aggregate(fn, args, classes, **ask)
    assert found.audit.ok
    np.testing.assert_allclose(found.influences, plain.influences, rtol=1e-10)
through = pf.conductance(fn, args, "x .* a@2 .*", **ask)
assert abs(through.through("a@2") - plain["a"]) <= 1e-10 * abs(plain["a"])
print("same")
"""


def test_sharded_inputs():
    """Two devices, which a process has from its start or never."""
    environment = {**os.environ, "JAX_PLATFORMS": "cpu"}
    environment["XLA_FLAGS"] = "--xla_force_host_platform_device_count=2"
    done = subprocess.run(
        [sys.executable, "-c", dedent(_SHARDED)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == "same", done.stderr
