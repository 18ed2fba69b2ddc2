"""Classes of paths at one length: `python -m benchmarks._aggregate_alone CASE`.

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
from pathflow.models import LSTMLanguageModel

PRIMARY = {"primary": "x@0 g0 c0 h0 g1 c1+ h1 qoi"}


def measure(steps: int, units: int, points: int, repeats: int, method: str) -> list[dict]:
    """The rows of one method at one length, and of `jax.jvp` of the untouched model beside it."""
    case = Case(steps, units, points)
    run = {"streaming": case.streaming, "on the graph": case.on_graph}[method]
    with compilations() as seen:
        start = perf_counter()
        first = run(0)
        first_seconds = perf_counter() - start
    jvp = case.derivative()
    first_jvp = _seconds(lambda: jvp(0))
    later, alone = [], []
    for number in range(1, repeats + 1):
        later.append(_seconds(lambda number=number: run(number)))
        alone.append(_seconds(lambda number=number: jvp(number)))
    states = len(PRIMARY["primary"].split()) + 2
    common = {"T": steps, "points": points}
    return [
        {
            **common,
            "method": method,
            "first call s": first_seconds,
            "later s": median(later),
            "over jax.jvp": median(later) / median(alone),
            "states + 1": states,
            "compilations": seen.count,
            "peak GiB": peak_bytes() / 2**30,
            "primary": first["primary"],
            "total": first.total,
            "residual": float(first.audit.structural),
        },
        {
            **common,
            "method": "jax.jvp alone",
            "first call s": first_jvp,
            "later s": median(alone),
            "over jax.jvp": 1.0,
            **dict.fromkeys(("states + 1", "compilations", "peak GiB", "primary")),
            "total": jvp(0),
            "residual": abs(jvp(0) - first.total) / max(abs(first.total), 1e-300),
        },
    ]


class Case:
    """A model with random weights, of which the first word still matters after a thousand: the
    forget gates of the upper layer are nearly open, and its feedback is weak.
    """

    def __init__(self, steps: int, units: int, points: int) -> None:
        model = LSTMLanguageModel(1000, units, units, 2, False, rngs=nnx.Rngs(0))
        upper = model.layers[1]
        upper.bias.set_value(upper.bias[...].at[:units].set(6.0))
        upper.recurrent_kernel.set_value(upper.recurrent_kernel[...] * 0.005)
        self._structure, self._parameters = nnx.split(model)
        self._embedding = np.asarray(model.embedding[...])
        self._steps, self._points = steps, points
        self._qoi = pf.LogitDifference(jnp.int32(GOOD), jnp.int32(BAD))

    def _model(self, parameters: Any, tokens: Any) -> Any:
        return nnx.merge(self._structure, parameters)(tokens)

    def _input(self, number: int) -> tuple[Any, Any]:
        """One of many random sentences, and the other end of the line to its first word."""
        random = np.random.default_rng([7, number])
        tokens = random.integers(999, size=self._steps, dtype=np.int32)
        word, other = self._embedding[tokens[0]], self._embedding[random.integers(999)]
        return jnp.asarray(tokens), jnp.asarray((word + other) / 2)

    def streaming(self, number: int) -> pf.Aggregation:
        """The classes of the model as it is."""
        tokens, start = self._input(number)
        return pf.aggregate(
            self._model,
            (self._parameters, tokens),
            PRIMARY,
            source="x@0",
            doi=pf.Line(start, n_steps=self._points),
            qoi=self._qoi,
        )

    def on_graph(self, number: int) -> pf.Aggregation:
        """The same on the unrolled graph; the first call traces it."""
        tokens, start = self._input(number)
        if not hasattr(self, "_traced"):
            self._traced = pf.trace(self._model, self._parameters, tokens, qoi=self._qoi)
        return pf.attribute(
            self._traced,
            (self._parameters, tokens),
            source="x@0",
            doi=pf.Line(start, n_steps=self._points),
            search=pf.Aggregate(PRIMARY),
        )

    def derivative(self) -> Callable[[int], float]:
        """`jax.jvp` of the untouched model at the points, weighted: no paths, no tags read."""

        @jax.jit
        def of_points(parameters: Any, tokens: Any, start: Any) -> Any:
            word = jnp.asarray(self._embedding)[tokens[0]]
            # The first word is given as an embedding of its own, in a row that no sentence uses.
            moved = tokens.at[0].set(999)

            def quantity(x: Any) -> Any:
                given = jax.tree_util.tree_map_with_path(
                    lambda path, p: p.at[999].set(x) if "embedding" in str(path) else p,
                    parameters,
                )
                return self._qoi(self._model(given, moved))

            fractions, weights = pf.GaussLegendre().nodes_and_weights(self._points)
            line = start[None] + jnp.asarray(fractions, word.dtype)[:, None] * (word - start)[None]
            along = jax.vmap(lambda x: jax.jvp(quantity, (x,), (word - start,))[1])(line)
            return along @ jnp.asarray(weights, along.dtype)

        def run(number: int) -> float:
            with jax.default_matmul_precision("highest"):
                return float(of_points(self._parameters, *self._input(number)))

        return run


def _seconds(run: Callable[[], Any]) -> float:
    start = perf_counter()
    run()
    return perf_counter() - start


def main(arguments: Sequence[str]) -> None:
    """Measures and writes JSON."""
    json.dump(measure(**json.loads(arguments[0])), sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1:])
