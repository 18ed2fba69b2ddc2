"""What JAX can do to a function: what the graph is then, and what flows through it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import settings

import pathflow as pf
from tests.helpers import TRANSFORMS, Transform

LENGTHS = pf.PathLength(7)

# One of each kind, where all that can be compared is; of all the others in a thorough run.
_KINDS = (
    "cond",
    "custom_vjp",
    "grad_of_a_scan",
    "scan_in_reverse_over_arrays",
    "shard_map_around_a_scan",
    "while_loop_with_a_tag_in_its_condition",
)
_ONES = [case for case in TRANSFORMS if case.name in _KINDS]
# The random programs of other tests are made of loops, branches, calls and rules.
_UNUSUAL = ("conj", "custom_", "grad", "jvp", "linearize", "map_in", "platform", "shard_map")
_MOST = [case for case in TRANSFORMS if case.name.startswith(_UNUSUAL)]


def _drawn(name: str) -> bool:
    """Whether at least as much is tested as under a profile of that name."""
    return settings().max_examples >= settings.get_profile(name).max_examples


def _cases(cases: list[Transform]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", cases, ids=repr)


every = _cases(TRANSFORMS)
one_of_each_kind = _cases(TRANSFORMS if _drawn("thorough") else _ONES)
most = _cases(TRANSFORMS if _drawn("thorough") else _MOST if _drawn("ci") else _ONES)


def labels(traced: pf.TracedGraph) -> tuple[str, ...]:
    return tuple(map(str, traced.nodes))


def n_paths(traced: pf.TracedGraph) -> int:
    return traced.count_paths("x", str(traced.default_target))


def asked(traced, x, search=None, **kwargs):
    extra = {} if search is None else {"search": search}
    return pf.attribute(traced, (x,), source="x", doi=pf.Point(), **extra, **kwargs)


def derivative(case: Transform, x):
    """Of the function that nothing was done to, along `x`."""
    if case.pulls:
        return jnp.vdot(jax.grad(case.fn)(x), x)
    return jax.jit(lambda x: jax.jvp(case.fn, (x,), (x,))[1])(x)


@every
def test_the_graph(case):
    traced = pf.trace(case.fn, jnp.asarray(case.x))
    assert labels(traced) == ("x", *case.labels)
    assert n_paths(traced) == case.n_paths


@every
def test_a_call_around_it_changes_nothing(case):
    x = jnp.asarray(case.x)
    plain, called = pf.trace(case.fn, x), pf.trace(jax.jit(case.fn), x)
    assert called.graph == plain.graph
    # The functions of the nodes are the same objects, so all numbers are too; what has a custom vjp
    # rule is only ever equal to itself.
    if not case.pulls:
        for node in plain.nodes:
            assert called.functions[node].computes is plain.functions[node].computes


@every
def test_float32_has_the_same_graph(case):
    traced = pf.trace(case.fn, jnp.asarray(case.x, jnp.float32))
    assert labels(traced) == ("x", *case.labels)
    assert n_paths(traced) == case.n_paths
    assert {n.dtype for n in traced.nodes} <= {"float32", "bool"}


@most
def test_influences_add_up_to_the_derivative(case):
    x = jnp.asarray(case.x)
    result = asked(pf.trace(case.fn, x), x)
    assert result.audit.ok
    np.testing.assert_allclose(result.total, derivative(case, x), rtol=1e-10)
    np.testing.assert_allclose(np.sum(result.influences), result.total, rtol=1e-10)


@one_of_each_kind
def test_in_float32(case):
    x = jnp.asarray(case.x, jnp.float32)
    result = asked(pf.trace(case.fn, x), x)
    assert result.audit.ok
    np.testing.assert_allclose(result.total, derivative(case, jnp.asarray(case.x)), rtol=1e-4)


@one_of_each_kind
def test_a_traced_batch_is_its_examples(case):
    """One graph of `vmap(fn)` against the graph of `fn` asked with `in_axes`, path by path."""
    x = jnp.asarray(case.x)
    xs = jnp.stack([x, 1.01 * x])
    batch = asked(pf.trace(lambda x: jax.vmap(case.fn)(x).sum(), xs), xs)
    single = asked(pf.trace(case.fn, x), xs, in_axes=(0,))
    assert batch.audit.ok
    np.testing.assert_allclose(batch.total, single.total.sum(), rtol=1e-10)
    if case.batched:
        for rank, path in enumerate(single.space):
            labels = list(map(str, path))
            # A tag that the function returns is summed over the examples behind it.
            labels += ["output"] * (labels[-1] != "output")
            wanted = single.influences[:, rank].sum()
            np.testing.assert_allclose(batch[labels], wanted, atol=1e-12)


@one_of_each_kind
def test_streamed_sums_are_those_of_the_graph(case):
    x = jnp.asarray(case.x)
    streamed = pf.aggregate(case.fn, (x,), LENGTHS, source="x", doi=pf.Point())
    on_graph = asked(pf.trace(case.fn, x), x, pf.Aggregate(LENGTHS))
    assert streamed.audit.ok
    assert set(on_graph.names) == set(streamed.names)
    for name in streamed.names:
        np.testing.assert_allclose(streamed[name], on_graph[name], rtol=1e-10, atol=1e-12)
