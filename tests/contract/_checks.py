"""The checks that every case must pass, each a function that raises an AssertionError."""

import hashlib
import json
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from tests.contract._case import Case


def check_names(case: Case) -> None:
    """The nodes have exactly the names that the case states."""
    traced = case.traced[2]
    assert {n.name for n in traced.nodes} == case.names


def check_paths(case: Case) -> None:
    """There are as many paths as the case states."""
    traced = case.traced[2]
    assert isinstance(case.paths, str) or (
        traced.count_paths(case.source, case.target) == case.paths
    )


def check_conservation(case: Case, dtype: str) -> None:
    """The influences of all paths add up to the derivative of the untouched function.

    Single precision is asked for as most users have it, with float64 switched off.
    """
    with jax.enable_x64(dtype == "float64"):
        if dtype == "float64":
            fn, args, traced, result = case.made
        else:
            fn, args = case.make(jnp.dtype(dtype))
            traced = case.trace(fn, args)
            result = case.attribute(traced, args)
        tolerance = {"float64": 1e-10, "float32": 1e-4}[dtype]
        assert {n.dtype for n in result.space.nodes} == {dtype}
        assert result.influences.dtype == dtype
        assert result.audit.structural <= tolerance
        scale = np.abs(result.influences).sum(dtype=np.float64)
        assert scale > 0
        expected = _derivative(case, fn, args, traced, dtype)
        if expected is not None:
            assert abs(result.total - expected) <= tolerance * scale


def _derivative(
    case: Case, fn: Any, args: tuple[Any, ...], traced: Any, dtype: str
) -> float | None:
    """The mean of `jax.jvp` at the points of `Case.attribute`, where the quantity is a function of
    the source.
    """
    if case.of_source is not None:
        quantity, value = case.of_source(jnp.dtype(dtype))
    elif case.source in map(str, traced.program.inputs) and case.target == "qoi":
        leaves, structure = jax.tree.flatten(args)
        (position,) = (i for n, i in traced.program.inputs.items() if str(n) == case.source)
        position -= len(traced.program.avals) - len(leaves)
        value = leaves[position]

        def quantity(x: Any) -> Any:
            changed = [*leaves[:position], x, *leaves[position + 1 :]]
            return case.qoi(fn(*jax.tree.unflatten(structure, changed)))
    else:
        return None

    def along(point: Any) -> float:
        try:
            return float(jax.jit(lambda p: jax.jvp(quantity, (p,), (value,))[1])(point))
        except TypeError:  # a custom vjp rule, which nothing is pushed through
            return float(jnp.vdot(jax.grad(quantity)(point), value))

    points = [value * jnp.asarray((1 + s / 3**0.5) / 2, value.dtype) for s in (-1, 1)]
    with jax.default_matmul_precision("highest"):
        return float(np.mean(list(map(along, points))))


def check_jit(case: Case) -> None:
    """Under `jax.jit` the graph and the influences are the same."""
    fn, args, eager, result = case.made
    jitted = case.trace(jax.jit(fn), args)
    assert same_structure(jitted, eager)
    assert_close(case.attribute(jitted, args).influences, result.influences)


def check_batch(case: Case) -> None:
    """A batch gives what its examples give one by one."""
    _, args, traced = case.traced
    found = case.attribute(traced, case.batch(case.examples(args)), in_axes=case.in_axes)
    assert_close(found.influences, case.one_by_one)


def check_vmap(case: Case) -> None:
    """Traced under `jax.vmap`, the graph is the same, and a path's influence the sum of those of
    the examples.
    """
    assert case.not_vmapped or (case.qoi is not None and case.target == "qoi")
    if case.not_vmapped:
        return
    fn, args, traced = case.traced
    batch = case.batch(case.examples(args))

    def together(outputs: Any) -> Any:
        return jax.vmap(case.qoi)(outputs).sum()

    mapped = case.trace(jax.vmap(fn, in_axes=case.in_axes), batch, qoi=together)
    assert labels(mapped) == labels(traced)
    assert edges(mapped) == edges(traced)
    found = case.attribute(mapped, batch).influences
    assert_close(found, case.one_by_one.sum(axis=0))


def check_retrace(case: Case) -> None:
    """Traced again, and the function made again, nodes, edges and node classes are the same."""
    fn, args, traced = case.traced
    for other in (case.trace(fn, args), case.trace(*case.make(jnp.float64))):
        assert same_structure(other, traced)
        assert digest(other) == digest(traced)
    again = case.trace(fn, args)
    assert case.new_classes or [again.functions[n].computes for n in again.nodes] == [
        traced.functions[n].computes for n in traced.nodes
    ]


def labels(traced: Any) -> list[str]:
    return list(map(str, traced.nodes))


def edges(traced: Any) -> list[tuple[str, str]]:
    return [(str(u), str(v)) for u, v in traced.edges]


def same_structure(a: Any, b: Any) -> bool:
    return a.graph == b.graph and labels(a) == labels(b) and edges(a) == edges(b)


def digest(traced: Any) -> str:
    """Nodes, shapes, edges, which nodes share a class, and the equations' primitives of each
    class: comparable between processes.
    """
    classes: dict[Any, int] = {}
    shared, primitives = [], []
    for node in traced.nodes:
        computes = traced.functions[node].computes
        if computes not in classes:
            classes[computes] = len(classes)
            equations = () if computes is None else computes.equations
            primitives.append([e.primitive.name for e in equations])
        shared.append(classes[computes])
    text = json.dumps([traced.graph.fingerprint(), shared, primitives])
    return hashlib.sha256(text.encode()).hexdigest()


def assert_close(found: np.ndarray, expected: np.ndarray) -> None:
    assert found.shape == expected.shape
    scale = np.abs(expected).sum()
    assert scale > 0
    assert np.abs(found - expected).max() <= 1e-12 * scale
