"""What the structure of partials saves, and that it changes no value."""

import contextlib
from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from jax import lax
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

import pathflow as pf
from pathflow.evaluation import _activations
from pathflow.evaluation._activations import Activations, edge_partials
from pathflow.evaluation._live import live_paths
from pathflow.tracing import (
    Sparsity,
    Value,
    _dependence,
    _sparsity,
    local_jacobian,
    sparsity_rule,
    structure_of,
)
from tests.helpers import OUTPUT, lstm_by_step, lstm_params, programs

_EXACT = 1e-12


def forget():
    for cached in (
        _sparsity._structure,
        _activations.local_partial,
        _activations._joint_partial,
        live_paths,
    ):
        cached.cache_clear()


@contextlib.contextmanager
def no_rules(monkeypatch) -> Iterator[None]:
    """Every primitive mixes everything: all Jacobians are dense."""
    with monkeypatch.context() as patched:
        patched.setattr(_dependence, "_RULES", {})
        forget()
        yield
    forget()


def assert_same(found, expected):
    """The same influences by path; paths that one of them does not have are zero in the other."""
    own, other = (
        {str(p): r.influences[i] for i, p in enumerate(r.space)} for r in (found, expected)
    )
    scale = max(np.abs(expected.influences).sum(), 1.0)
    for path in {**own, **other}:
        assert abs(own.get(path, 0.0) - other.get(path, 0.0)) <= _EXACT * scale, path
    assert set(own) <= set(other)


# How turns couple entries, and how many columns then share rows.
COUPLINGS = {
    "entries": (lambda v: 0.5 * v, 1),
    "neighbours": (lambda v: 0.3 * jnp.pad(v[1:], (0, 1)), 6),
    "rows": (lambda v: jnp.repeat(v.reshape(2, 3).sum(1), 3) * 0.2, 3),
    "everything": (lambda v: 0.1 * v.sum() + v, 6),
}


class TestColumns:
    """Of loops that JAX only pushes through, pulled."""

    def relaxed(self, x, couple):
        """A fixed number of turns that the program does not know."""

        def body(state):
            i, v = state
            return i + 1, jnp.sin(couple(v) + x)

        return lax.while_loop(lambda s: s[0] < 3 + 0 * jnp.argmax(x), body, (0, x))[1]

    @pytest.mark.parametrize("name", COUPLINGS)
    def test_pulled(self, name):
        couple, colors = COUPLINGS[name]
        x = jnp.asarray(np.random.default_rng(0).normal(size=6))

        def fn(x):
            return pf.tag(self.relaxed(pf.tag(2 * x, "a"), couple), "b").sum()

        traced = pf.trace(fn, x)
        partials = edge_partials(traced, [(traced.node("a"), traced.node("b"))])
        (edge, partial), *_ = partials.items()
        assert structure_of(partial).n_colors == colors
        context = traced.context([Value(x)])
        _, applied = Activations(traced, traced.nodes, (), partials, guards=False)(context, {})
        n = applied[edge].key[1]
        arrays = applied[edge].arrays
        expected = jax.jacfwd(lambda v: self.relaxed(v, couple))(2 * x)
        cotangents = jnp.asarray(np.random.default_rng(1).normal(size=(4, 6)))
        pulled = jax.vmap(lambda ct: partial.pull(arrays[:n], arrays[n:], ct))(cotangents)
        np.testing.assert_allclose(pulled, cotangents @ expected, rtol=_EXACT, atol=_EXACT)

    def test_fewer_pushes_are_compiled(self):
        """The number of tangents that go through the loop is that of the colors."""
        x = jnp.ones(50)
        sizes = []
        for couple in (lambda v: 0.5 * v, lambda v: v + 0.1 * v.sum()):

            def fn(x, couple=couple):
                return pf.tag(self.relaxed(pf.tag(2 * x, "a"), couple), "b").sum()

            traced = pf.trace(fn, x)
            ((_, partial),) = edge_partials(traced, [(traced.node("a"), traced.node("b"))]).items()
            function = traced.functions[traced.node("b")]
            inputs = [2 * x, *(a.value for a in function.context)]
            shared = [inputs[i] for i in partial.shared]

            def pull(ct, partial=partial, inputs=inputs, shared=shared):
                return partial.pull(partial.residuals(inputs), shared, ct)

            eqns = jax.make_jaxpr(pull)(x).eqns
            loops = [e for e in eqns if e.primitive.name == "while"]
            sizes.append(max(v.aval.size for e in loops for v in e.outvars))
        assert sizes == [50, 2500]


def test_jacobians_written_out():
    params = lstm_params(1, embed=3, hidden=4, steps=1)
    traced = pf.trace(lstm_by_step, params)
    partials = edge_partials(traced, traced.edges)
    context = traced.context([Value(jnp.asarray(a)) for a in jax.tree.leaves((params,))])
    values, applied = Activations(traced, traced.nodes, (), partials, guards=False)(context, {})
    for (u, v), partial in partials.items():
        function = traced.functions[v]
        given, n = applied[u, v], applied[u, v].key[1]
        found = local_jacobian(partial, given.arrays[:n], given.arrays[n:], function)
        inputs = [values[p].array for p in function.predecessors]
        slot = function.slot(u)

        def of_slot(value, function=function, inputs=inputs, slot=slot):
            replaced = [*inputs[:slot], value, *inputs[slot + 1 :]]
            return function.computes(replaced, [context[a].array for a in function.context])

        expected = jax.jacfwd(of_slot)(inputs[slot]).reshape(found.shape)
        np.testing.assert_allclose(found, expected, rtol=_EXACT, atol=_EXACT)


def tokens(fn, width=1):
    """A function of tokens, each a part of a node, and what it makes of them."""

    def model(x):
        a = pf.tag(jnp.tanh(x * jnp.arange(1.0, 1.0 + x.size).reshape(x.shape)), "a")
        return pf.tag(fn(a), "b").sum()

    x = jnp.asarray(np.random.default_rng(0).normal(size=(4, width) if width > 1 else 4))
    return model, x


def joined(graph):
    return {(str(u), str(v)) for u, v in graph.edges if str(u)[0] == "a" and str(v)[0] == "b"}


def pairs(keep, n=4):
    return {(f"a[{i}]", f"b[{j}]") for i in range(n) for j in range(n) if keep(i, j)}


_SPLIT = {"a": pf.Axis(0), "b": pf.Axis(0)}

# Which parts of a each part of b depends on.
EDGES = {
    "relu": (jax.nn.relu, 1, lambda i, j: i == j),
    "relu of rows": (jax.nn.relu, 2, lambda i, j: i == j),
    "silu": (jax.nn.silu, 1, lambda i, j: i == j),
    "cumsum": (jnp.cumsum, 1, lambda i, j: i <= j),
    "cumulative rows": (lambda a: lax.cumlogsumexp(a, 0, reverse=True), 2, lambda i, j: i >= j),
    "roll": (lambda a: jax.nn.relu(jnp.roll(a, 1)), 1, lambda i, j: (i + 1) % 4 == j),
    "windows": (lambda a: jnp.convolve(a, jnp.ones(3), "same"), 1, lambda i, j: abs(i - j) < 2),
    "causal": (
        lambda a: jnp.where(np.tri(4, dtype=bool), jnp.tile(a[None], (4, 1)), 0.0).sum(1),
        1,
        lambda i, j: i <= j,
    ),
    "loop": (lambda a: lax.scan(lambda c, v: (c + v, c * v), 0.1, a)[1], 1, lambda i, j: i <= j),
    "entries in a loop": (
        lambda a: lax.while_loop(
            lambda s: s[0] < 2 + 0 * jnp.argmax(a), lambda s: (s[0] + 1, jnp.sin(s[1])), (0, a)
        )[1],
        2,
        lambda i, j: i == j,
    ),
    "fft of rows": (lambda a: jnp.real(jnp.fft.fft(a)), 2, lambda i, j: i == j),
    "sort": (jnp.sort, 1, lambda i, j: True),
}  # fmt: skip


@pytest.mark.parametrize("name", EDGES)
def test_parts_are_joined_to_those_that_they_depend_on(name):
    fn, width, keep = EDGES[name]
    model, x = tokens(fn, width)
    graph = pf.trace(model, x, split=_SPLIT)
    assert joined(graph) == pairs(keep)
    assert not graph.blocked


@pytest.mark.parametrize("name", ["relu", "windows"])
def test_paths_and_influences_without_the_rules(name, monkeypatch):
    fn, width, keep = EDGES[name]
    model, x = tokens(fn, width)
    doi = pf.Line(jnp.zeros_like(x), n_steps=2)

    def run():
        graph = pf.trace(model, x, split=_SPLIT)
        return pf.attribute(graph, (x,), source="x", doi=doi)

    with no_rules(monkeypatch):
        expected = run()
    found = run()
    assert found.space.count == len(pairs(keep))
    assert expected.space.count >= found.space.count
    assert found.audit.ok
    assert_same(found, expected)


def test_a_value_without_a_derivative_is_still_told():
    """The mask decides by a value of one part, which no derivative reaches."""
    model, x = tokens(lambda a: jax.nn.relu(a[1:]) * (lax.stop_gradient(a[:1]) + 1))
    graph = pf.trace(model, x, split={"a": pf.Axis(0)})
    (b,) = (n for n in graph.nodes if str(n) == "b")
    assert [str(n) for n in graph.graph.predecessors(b)] == ["a[1]", "a[2]", "a[3]"]
    assert [(str(u), str(v)) for u, v in graph.blocked] == [("a[0]", "b")]


def test_partials_of_zero_cost_nothing():
    x = jnp.array([0.3, -1.2])

    def fn(x):
        a = pf.tag(2 * x, "a")
        return (pf.tag(jnp.sign(a), "b") + jnp.sin(a)).sum()

    graph = pf.trace(fn, x)
    assert graph.count_paths("x", OUTPUT) == 2
    assert [str(n) for n in live_paths(graph, graph.paths("x", OUTPUT)).space.nodes] == [
        "x", "a", "output"
    ]  # fmt: skip
    result = pf.attribute(graph, (x,), source="x", doi=pf.Point())
    assert result["x a b output"] == 0
    assert result.audit.ok


@pytest.fixture
def reversing():
    """A primitive of a user's own, with its derivative rules and no sparsity rule."""
    primitive = Primitive("test_reversing")
    primitive.def_impl(lambda x: x[::-1])
    primitive.def_abstract_eval(lambda x: x)
    mlir.register_lowering(primitive, mlir.lower_fun(lambda x: x[::-1], multiple_results=False))
    ad.deflinear(primitive, lambda ct: [primitive.bind(ct)])
    batching.primitive_batchers[primitive] = lambda a, d: (
        jnp.moveaxis(jnp.flip(jnp.moveaxis(a[0], d[0], 0), 1), 0, d[0]),
        d[0],
    )
    yield primitive
    _dependence._RULES.pop("test_reversing", None)
    forget()


def test_a_primitive_of_ones_own(reversing):
    model, x = tokens(lambda a: reversing.bind(jnp.sin(a)))
    assert joined(pf.trace(model, x, split=_SPLIT)) == pairs(lambda i, j: True)

    @sparsity_rule("test_reversing")
    def _(operation, values, sets):
        return [values[0][::-1]]

    graph = pf.trace(model, x, split=_SPLIT)
    assert joined(graph) == pairs(lambda i, j: i + j == 3)
    whole = pf.trace(model, x)
    (partial,) = edge_partials(whole, [(whole.node("a"), whole.node("b"))]).values()
    assert structure_of(partial).sparsity == Sparsity.SELECTION


def test_a_wrong_rule_is_told(reversing):
    @sparsity_rule("test_reversing")
    def _(operation, values, sets):
        return [values[0][1:]]

    with pytest.raises(pf.ShapeError, match=r"rule of 'test_reversing' returned .*\(3,\)"):
        pf.trace(*tokens(lambda a: reversing.bind(jnp.sin(a))), split=_SPLIT)


@given(programs(max_steps=6))
@settings(max_examples=max(1, settings().max_examples // 25))
def test_random_programs_without_the_rules(program):
    args = program.args()
    fn = program.function()
    doi = pf.Line(jnp.zeros_like(args[0]), n_steps=2)

    def run():
        traced = pf.trace(fn, *args)
        if not traced.count_paths("x", OUTPUT) or traced.count_paths("x", OUTPUT) > 500:
            return None
        return pf.attribute(traced, args, source="x", doi=doi)

    with pytest.MonkeyPatch.context() as patch, no_rules(patch):
        try:
            expected = run()
        except (pf.DecisionChangedError, pf.NoPathError, pf.NotDifferentiableError):
            expected = None
    if expected is not None:
        assert_same(run(), expected)
