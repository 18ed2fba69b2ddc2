"""What the values of an attribution depend on, as digests that another process finds again."""

from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import jax
import numpy as np

from pathflow._version import __version__
from pathflow.evaluation import MATMUL_PRECISION, argument_names
from pathflow.influence.question._asked import describe
from pathflow.influence.question._points import points_of
from pathflow.influence.question._problem import Problem
from pathflow.storage import digest_of
from pathflow.tracing import array_digest, program_digest

# Weights of more points are known by their digest alone; and so many examples' points are digested
# at a time.
_SHOWN, _EXAMPLES = 1000, 16


def identity_of(problem: Problem) -> dict[str, Any]:
    """What must be equal for two questions to have the same answer, bit for bit.

    Arguments:
        problem: what is asked.

    Returns:
        Groups of settings, plain JSON: the arguments and constants of the function, its code and
        graph, the distribution and its points, the ends of the paths, the precision, and the
        versions of what computes.
    """
    program, space = problem.program, problem.space
    names = argument_names(program, problem.args)
    return {
        "arguments": {name: _array(v.array) for name, v in zip(names, problem.args, strict=True)},
        "constants": {str(i): _array(c) for i, c in enumerate(program.constants)},
        "code": program_digest(program),
        "graph": problem.traced.graph.fingerprint(),
        "question": {
            "source": [str(s) for s in space.sources],
            "target": str(space.target),
            "qoi": None if program.qoi is None else type(program.qoi).__name__,
            "examples": problem.examples,
            "in_axes": [i for i, v in enumerate(problem.args) if v.batched],
        },
        "doi": _distribution(problem),
        "precision": {
            "dtype": problem.dtype.name,
            "matmul": MATMUL_PRECISION,
            "x64": jax.dtypes.canonicalize_dtype(np.float64) == np.float64,
        },
        "computed by": {
            "pathflow": __version__,
            "jax": jax.__version__,
            "jaxlib": version("jaxlib"),
            "backend": jax.default_backend(),
            "device": jax.devices()[0].device_kind,
        },
    }


def _array(array: Any) -> str:
    return f"{array.dtype}{list(array.shape)} {array_digest(array)}"


def _distribution(problem: Problem) -> dict[str, Any]:
    """The points with their weights: the weights of the first example, and a digest of all."""
    doi, examples = problem.doi, problem.examples
    leaves = jax.tree_util.tree_flatten_with_path(doi)[0]
    found: dict[str, Any] = {"is": describe(doi)}
    found |= {jax.tree_util.keystr(path): _leaf(leaf) for path, leaf in leaves}
    digests, weights = [], None
    for start in range(0, examples or 1, _EXAMPLES):
        part = slice(start, min(start + _EXAMPLES, examples or 1))
        points = points_of(problem, doi, part)
        arrays = [v.array for v in (*points.values, *points.direction)]
        digests.append([array_digest(a) for a in (*arrays, points.weights)])
        if weights is None:
            weights = np.asarray(points.weights, np.float64)
    first: Sequence[float] = np.atleast_2d(np.asarray(weights))[0].tolist()
    if len(first) <= _SHOWN:
        found["weights"] = first
    return {**found, "n_points": len(first), "points": digest_of(digests)}


def _leaf(leaf: Any) -> Any:
    return leaf if isinstance(leaf, int | float | str) else _array(leaf)
