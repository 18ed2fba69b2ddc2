"""The graph of random programs, against the dependences that a run by hand shows."""

import jax
import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

import pathflow as pf
from tests.helpers import OUTPUT, brute_force, count_paths, line, programs, structure


def _edges(traced):
    return {(str(u), str(v)) for u, v in traced.edges}


@given(programs())
def test_the_graph_lies_between_what_is_and_what_can_be_a_dependence(program):
    """Every nonzero partial is an edge; every edge is a dependence when only moved values are told
    apart.
    """
    args = program.args()
    traced = pf.trace(program.function(), *args)
    found = brute_force(program, args, line(args[0], args[0], [0.0], [1.0]))
    nodes = {str(node) for node in traced.nodes}
    assert nodes <= set(found.graph)
    assert {e for e in found.effective if set(e) <= nodes} <= _edges(traced)
    assert _edges(traced) <= set(found.graph.edges)
    assert found.effective <= set(found.graph.edges)


@given(programs())
def test_labels_shapes_and_dtypes_are_those_of_the_values(program):
    args = program.args()
    traced = pf.trace(program.function(), *args)
    graph = structure(program, args)
    assert {str(node) for node in traced.nodes} <= set(graph)
    assert str(traced.node(OUTPUT)) == OUTPUT
    assert traced.node("x").shape == args[0].shape
    assert {node.dtype for node in traced.nodes} == {"float64"}


@given(programs(), st.integers(1, 3))
def test_the_program_computes_what_it_did_without_tags(program, example):
    args = program.args(example)
    untagged = program.without(program.tags())
    np.testing.assert_array_equal(program.function()(*args), untagged.function()(*args))
    np.testing.assert_allclose(
        jax.grad(program.function())(*args) if _reversible(program) else 0.0,
        jax.grad(untagged.function())(*args) if _reversible(program) else 0.0,
        rtol=1e-12,
    )


def _reversible(program):
    """Whether JAX can differentiate it in reverse: not through a `while` loop of unknown length."""
    return not any(name in repr(program.block) for name in ("While", "Fori"))


@given(programs(decided_by_values=False))
def test_tracing_shapes_gives_the_graph_of_tracing_values(program):
    """Where no decision needs a value, `jax.ShapeDtypeStruct` will do."""
    args = program.args()
    shapes = jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype), args)
    traced = pf.trace(program.function(), *args)
    assert pf.trace(program.function(), *shapes).graph == traced.graph


@given(programs())
def test_native_unrolling_is_a_parity_oracle(program):
    """With `jax.disable_jit`, JAX itself unrolls loops and takes branches, so labels differ but
    structure must not.
    """
    args = program.args()
    traced = pf.trace(program.function(), *args)
    with jax.disable_jit():
        native = pf.trace(program.function(), *args)
    counts = {len(traced.nodes) for traced in (traced, native)}
    assert len(counts) == 1
    assume(count_paths(structure(program, args), ["x"], OUTPUT))
    assert traced.count_paths("x", OUTPUT) == native.count_paths("x", OUTPUT)
