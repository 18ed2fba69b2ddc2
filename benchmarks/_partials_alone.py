"""What the structure of partials saves: `python -m benchmarks._partials_alone SIZES`.

Every row is beside the same work with all structure denied, in one process, and the numbers of both
are compared. Writes its rows as JSON to standard output.
"""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from statistics import median
from time import perf_counter
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

import pathflow as pf
from benchmarks._pathflow import SOURCE, make_problem
from benchmarks._setting import Setting
from pathflow.evaluation import _activations, _live
from pathflow.evaluation._activations import Activations, edge_partials
from pathflow.tracing import Value, _dependence, _sparsity, local_jacobian


def measure(units: int, parts: int, repeats: int) -> list[dict]:
    """The rows.

    Arguments:
        units: width of the LSTM's layers and of the loop.
        parts: units of a model of units, each a node.
        repeats: of each timed call.
    """
    return [
        _row(f"Jacobians of all edges, LSTM 2 x {units}, T=2", _jacobians(units), repeats),
        _row(f"pull through a loop of unknown length, {units} units", _loop(units), repeats),
        _row(f"enumeration, LSTM 2 x {units}, T=3", _enumeration(units), repeats),
        _row(f"enumeration, {parts} x 3 units, each a node", _units(parts), repeats),
    ]


# Makes a call, its number of paths, and the bytes that its compiled function needs for itself.
Prepared = tuple[Callable[[], Any], int | None, int | None]


def _row(what: str, prepare: Callable[[], Prepared], repeats: int) -> dict[str, Any]:
    print(f"{what}: measuring ...", file=sys.stderr, flush=True)
    run, paths, memory = prepare()
    with _no_rules():
        dense, dense_paths, dense_memory = prepare()
        values, expected = _leaves(run()), _leaves(dense())
    sums = np.array([[np.abs(x).sum() for x in y] for y in (values, expected)])
    own, other = [], []
    for _ in range(repeats):
        for call, times in ((run, own), (dense, other)):
            start = perf_counter()
            jax.block_until_ready(call())
            times.append(perf_counter() - start)
    return {
        "what": what,
        "s": median(own),
        "dense s": median(other),
        "dense / s": median(other) / median(own),
        "MB": memory and memory / 1e6,
        "dense MB": dense_memory and dense_memory / 1e6,
        "paths": paths,
        "dense paths": dense_paths,
        "differ by": float(np.abs(sums[0] - sums[1]).max() / sums.max()),
    }


def _leaves(values: Any) -> list[np.ndarray]:
    return [np.asarray(x, np.float64) for x in jax.tree.leaves(values)]


@contextmanager
def _no_rules() -> Iterator[None]:
    """Every primitive mixes everything."""
    rules = dict(_dependence._RULES)  # noqa: SLF001
    _dependence._RULES.clear()  # noqa: SLF001
    _forget()
    try:
        yield
    finally:
        _dependence._RULES.update(rules)  # noqa: SLF001
        _forget()


def _forget() -> None:
    _sparsity._structure.cache_clear()  # noqa: SLF001
    _activations.local_partial.cache_clear()
    _activations._joint_partial.cache_clear()  # noqa: SLF001
    _live.live_paths.cache_clear()


def _compiled(fn: Callable[..., Any], *args: Any) -> tuple[Callable[[], Any], int | None]:
    compiled = jax.jit(fn).lower(*args).compile()
    memory = compiled.memory_analysis()
    return lambda: compiled(*args), None if memory is None else memory.temp_size_in_bytes


def _jacobians(units: int) -> Callable[[], Prepared]:
    problem = make_problem(Setting(2, units=units, embedding=units))
    traced = problem.traced
    tokens = jnp.asarray(problem.sentence(0).tokens)
    leaves = jax.tree.leaves((traced.qoi, problem.parameters, tokens))

    def prepare() -> Prepared:
        partials = edge_partials(traced, traced.edges)
        context = traced.context([Value(jnp.asarray(a)) for a in leaves])
        run = Activations(traced, traced.nodes, (), partials, guards=False)
        _, applied = run(context, {})
        arrays = [applied[e].arrays for e in partials]

        def every(arrays: Any) -> Any:
            found = []
            for (edge, partial), given in zip(partials.items(), arrays, strict=True):
                n = applied[edge].key[1]
                function = traced.functions[edge[1]]
                found.append(local_jacobian(partial, given[:n], given[n:], function))
            return found

        calls = _compiled(every, arrays)
        return calls[0], None, calls[1]

    return prepare


def _loop(units: int) -> Callable[[], Prepared]:
    def model(x: Any) -> Any:
        a = pf.tag(2 * x, "a")
        turns = 5 + 0 * jnp.argmax(a)
        _, b = lax.while_loop(
            lambda s: s[0] < turns, lambda s: (s[0] + 1, jnp.sin(0.5 * s[1] + a)), (0, a)
        )
        return pf.tag(b, "b").sum()

    x = jnp.linspace(-1.0, 1.0, units)
    cotangents = jnp.stack([jnp.sin(x + k) for k in range(8)])
    traced = pf.trace(model, x)

    def prepare() -> Prepared:
        edge = (traced.node("a"), traced.node("b"))
        partials = edge_partials(traced, [edge])
        context = traced.context([Value(x)])
        run = Activations(traced, traced.nodes, (), partials, guards=False)
        applied = run(context, {})[1][edge]
        n = applied.key[1]

        def pull(arrays: Any, cotangents: Any) -> Any:
            return jax.vmap(lambda ct: partials[edge].pull(arrays[:n], arrays[n:], ct))(cotangents)

        calls = _compiled(pull, applied.arrays, cotangents)
        return calls[0], None, calls[1]

    return prepare


def _enumeration(units: int) -> Callable[[], Prepared]:
    problem = make_problem(Setting(3, units=units, embedding=units, points=12))
    sentence = problem.sentence(0)

    def prepare() -> Prepared:
        def run() -> Any:
            return problem.influences(sentence, pf.Midpoint()).influences

        return run, problem.traced.count_paths(SOURCE, "qoi"), None

    return prepare


def _units(parts: int) -> Callable[[], Prepared]:
    """Rectified units, mixed by their order alone: later ones read the earlier ones."""

    def model(x: Any) -> Any:
        a = pf.tag(x * jnp.linspace(0.5, 1.5, parts), "a")
        b = pf.tag(jax.nn.relu(a), "b")
        return pf.tag(jnp.sin(jnp.cumsum(b)), "c").sum()

    x = jnp.linspace(-0.5, 1.0, parts)
    split = dict.fromkeys("abc", pf.Components())

    def prepare() -> Prepared:
        traced = pf.trace(model, x, split=split)
        doi = pf.Line(jnp.zeros_like(x), n_steps=12)

        def run() -> Any:
            result = pf.attribute(traced, (x,), source="x", doi=doi)
            return result.influences[np.abs(result.influences) > 0]

        return run, traced.count_paths("x", traced.default_target), None

    return prepare


def main(arguments: Sequence[str]) -> None:
    (given,) = arguments
    json.dump(measure(**json.loads(given)), sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1:])
