"""A transformer in a process of its own: `python -m benchmarks._transformer_alone SIZES`.

Writes its rows as JSON to standard output.
"""

import json
import sys
from collections.abc import Callable, Sequence
from statistics import median
from time import perf_counter
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

import pathflow as pf
from benchmarks._alone import peak_bytes
from benchmarks._pathflow import BAD, GOOD, compilations
from pathflow.models import LearnedPositions, TransformerDecoder, residual_writers

_VOCAB = 50_257


def measure(
    steps: int, layers: int, heads: int, width: int, points: int, repeats: int, vocab: int = _VOCAB
) -> list[dict]:
    """The rows: pathflow's, and the derivative's alone."""
    case = Case(steps, layers, heads, width, points, vocab)
    graph = case.graph
    rows, found, later = [], {}, {}
    methods: dict[str, Callable[[int], Any]] = {
        "every edge and node": lambda number: case.ask(number, pf.Conductance()),
        "all paths, one sum": lambda number: case.ask(number, pf.Aggregate({"all": ".*"})),
        "jax.jvp alone": case.derivative(),
        "jax.grad alone": case.gradient(),
    }
    for name, run in methods.items():
        with compilations() as seen:
            start = perf_counter()
            found[name] = run(0)
            first = perf_counter() - start
        rows.append({"method": name, "first call s": first, "compilations": seen.count})
        later[name] = []
    for number in range(1, repeats + 1):
        for name, run in methods.items():
            start = perf_counter()
            run(number)
            later[name].append(perf_counter() - start)
    alone = found["jax.jvp alone"]
    for row in rows:
        name = row["method"]
        row["later s"] = median(later[name])
        row["over jax.jvp"] = row["later s"] / median(later["jax.jvp alone"])
        row["over jax.grad"] = row["later s"] / median(later["jax.grad alone"])
        total = getattr(found[name], "total", found[name])
        row["total"] = float(total)
        row["off jax.jvp"] = abs(float(total) - alone) / max(abs(alone), 1e-300)
    classes = {f.computes for f in graph.functions.values()} - {None}
    rows[0] |= {"nodes": len(graph.nodes), "edges": len(graph.edges), "classes": len(classes)}
    rows[0] |= {"trace s": case.trace_seconds, "peak GiB": peak_bytes() / 2**30}
    rows[0]["residual"] = float(found["every edge and node"].audit.structural)
    return [{name: row.get(name) for name in rows[0]} for row in rows]


class Case:
    """A model with random weights, and the derivatives of a difference of two logits."""

    def __init__(
        self, steps: int, layers: int, heads: int, width: int, points: int, vocab: int
    ) -> None:
        positions = LearnedPositions(max(steps, 1024))
        model = TransformerDecoder(
            vocab, width, heads, layers, 4 * width, positions, rngs=nnx.Rngs(0)
        )
        self._structure, self._parameters = nnx.split(model)
        self._steps, self._points = steps, points
        self._doi = pf.Line(jnp.zeros((steps, width)), n_steps=points)
        self._qoi = pf.LogitDifference(jnp.int32(GOOD), jnp.int32(BAD))
        self._vocab = vocab
        start = perf_counter()
        self.graph = pf.trace(
            self._model,
            self._parameters,
            self._input(0),
            nodes=residual_writers(),
            qoi=self._qoi,
        )
        self.trace_seconds = perf_counter() - start

    def _model(self, parameters: Any, tokens: Any) -> Any:
        return nnx.merge(self._structure, parameters)(tokens)

    def _input(self, number: int) -> Any:
        random = np.random.default_rng([7, number])
        return jnp.asarray(random.integers(self._vocab, size=self._steps, dtype=np.int32))

    def question(self, number: int) -> dict[str, Any]:
        """What is asked: the words, all positions together, on the last logits."""
        args = (self._parameters, self._input(number))
        return {"graph": self.graph, "args": args, "source": "embed", "doi": self._doi}

    def ask(self, number: int, search: Any) -> Any:
        """The influences that a search finds."""
        return pf.attribute(**self.question(number), search=search)

    def derivative(self) -> Callable[[int], float]:
        """`jax.jvp` of the untouched model at the same points, weighted."""

        @jax.jit
        def of_points(parameters: Any, tokens: Any) -> Any:
            value = self._words(parameters, tokens)
            fractions, weights = pf.GaussLegendre().nodes_and_weights(self._points)

            def along(fraction: Any) -> Any:
                point = value * fraction
                return jax.jvp(lambda x: self._after(parameters, x), (point,), (value,))[1]

            slopes = jax.vmap(along)(jnp.asarray(fractions, value.dtype))
            return slopes @ jnp.asarray(weights, slopes.dtype)

        return lambda number: self._run(of_points, number)

    def gradient(self) -> Callable[[int], float]:
        """One `jax.grad` at the first of the points, along the words."""
        fraction = pf.GaussLegendre().nodes_and_weights(self._points)[0][0]

        @jax.jit
        def at_words(parameters: Any, tokens: Any) -> Any:
            value = self._words(parameters, tokens)
            point = value * jnp.asarray(fraction, value.dtype)
            return jnp.vdot(jax.grad(lambda x: self._after(parameters, x))(point), value)

        return lambda number: self._run(at_words, number)

    def _run(self, compiled: Callable, number: int) -> float:
        with jax.default_matmul_precision("highest"):
            return float(compiled(self._parameters, self._input(number)))

    def _words(self, parameters: Any, tokens: Any) -> Any:
        stream = nnx.merge(self._structure, parameters).stream
        return stream.embedding[...][tokens] + stream.position_table[...][: len(tokens)]

    def _after(self, parameters: Any, x: Any) -> Any:
        """The quantity as a function of what the first layer reads."""
        model = nnx.merge(self._structure, parameters)
        seen = jnp.tril(jnp.ones((len(x), len(x)), bool))
        for layer in model.stream.layers:
            x = layer(x, model.stream.positions, seen)
        return self._qoi(model.stream.outer_norm(x)[-1] @ model.output_rows.T)


def main(arguments: Sequence[str]) -> None:
    """Measures and writes JSON."""
    json.dump(measure(**json.loads(arguments[0])), sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1:])
