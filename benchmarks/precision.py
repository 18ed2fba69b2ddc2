"""What float32 loses against float64, on real models: `python -m benchmarks.precision`.

The same question about the same parameters in both precisions, each under the setting of JAX that
its users have.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

import pathflow as pf
from benchmarks import _machine, _processes, _table
from benchmarks._sentences import TRAINED
from pathflow.models import (
    LearnedPositions,
    TransformerDecoder,
    load_checkpoint,
    residual_writers,
)

Model = TypeVar("Model", bound=nnx.Module)


def in_dtype(model: Model, dtype: Any) -> Model:
    """A copy of a model with its parameters in another precision."""
    structure, state = nnx.split(model)
    cast = jax.tree.map(
        lambda x: x.astype(dtype) if jnp.issubdtype(x.dtype, jnp.floating) else x, state
    )
    return nnx.merge(structure, cast)


def _asked(model: nnx.Module, tokens: np.ndarray, **more: Any) -> dict[str, Any]:
    """The graph and the arguments of a model of tokens, and the difference of two words."""
    structure, parameters = nnx.split(model)
    args = (parameters, jnp.asarray(tokens))
    graph = pf.trace(
        lambda parameters, tokens: nnx.merge(structure, parameters)(tokens),
        *args,
        qoi=pf.LogitDifference(jnp.int32(1), jnp.int32(2)),
        **more,
    )
    return {"graph": graph, "args": args}


def lstm(dtype: Any, steps: int = 5) -> tuple[Any, np.ndarray]:
    """All paths of the trained language model that is shipped."""
    model = in_dtype(load_checkpoint(TRAINED).model, dtype)
    tokens = np.random.default_rng(7).integers(1000, size=steps, dtype=np.int32)
    baseline = model.embedding[...].mean(axis=0)
    doi = pf.Line(baseline, n_steps=50)
    result = pf.attribute(**_asked(model, tokens), source="x@0", doi=doi)
    return result, result.influences


def encoder(dtype: Any, sentences: int = 8) -> tuple[Any, np.ndarray]:
    """All paths of the trained encoder of the example, of some sentences."""
    from examples.agreement_encoder.measure import asked, influences  # noqa: PLC0415  (one case)
    from examples.agreement_encoder.train import shipped  # noqa: PLC0415

    result = influences(in_dtype(shipped(), dtype), asked(sentences, seed=3))
    return result, result.influences


def transformer(dtype: Any, layers: int = 12, width: int = 768) -> tuple[Any, np.ndarray]:
    """Every edge of a decoder of the shape of GPT-2, with random weights."""
    positions = LearnedPositions(64)
    model = TransformerDecoder(
        2_000, width, width // 64, layers, 4 * width, positions, rngs=nnx.Rngs(0)
    )
    tokens = np.random.default_rng(7).integers(2_000, size=16, dtype=np.int32)
    question = _asked(in_dtype(model, dtype), tokens, nodes=residual_writers())
    doi = pf.Line(jnp.zeros((16, width), dtype), n_steps=4)
    result = pf.attribute(**question, source="embed", doi=doi, search=pf.Conductance())
    return result, result.edge_influences


CASES: dict[str, Callable[[Any], tuple[Any, np.ndarray]]] = {
    "trained LSTM 2 x 200, 5 words": lstm,
    "trained encoder, 8 sentences": encoder,
    "decoder 12 x 768, 16 words": transformer,
}


def compare(name: str) -> dict[str, Any]:
    """One row: what float32 misses, as parts of the largest and of the sum of all influences."""
    found, residuals = {}, {}
    for dtype, x64 in ((jnp.float32, False), (jnp.float64, True)):
        with jax.enable_x64(x64):
            result, influences = CASES[name](dtype)
            found[x64] = np.atleast_2d(np.asarray(influences, np.float64))
            residuals[x64] = float(np.max(result.audit.structural))
    exact, gap = found[True], np.abs(found[False] - found[True])
    return {
        "model": name,
        "influences": exact.shape[-1],
        "residual float32": residuals[False],
        "residual float64": residuals[True],
        "worst / largest": float((gap.max(axis=1) / np.abs(exact).max(axis=1)).max()),
        "worst / absolute sum": float((gap.max(axis=1) / np.abs(exact).sum(axis=1)).max()),
        "total": float((np.abs((found[False] - exact).sum(1)) / np.abs(exact).sum(1)).max()),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Compares, prints the table and writes it."""
    parser = argparse.ArgumentParser("python -m benchmarks.precision", description=__doc__)
    parser.add_argument("--case", action="append", choices=tuple(CASES), help="one model")
    parser.add_argument("--out", type=Path, help="folder for the figures as JSON")
    given = parser.parse_args(arguments)
    about, rows = _machine.about(), []
    for name in given.case or CASES:
        print(f"{name}: computing ...", file=sys.stderr, flush=True)
        rows.append(compare(name))
    _table.show_plain(rows, "float32 beside float64")
    if given.out is not None:
        _processes.write(given.out, "precision", about, vars(given), rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
