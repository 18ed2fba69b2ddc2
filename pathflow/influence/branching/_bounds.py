"""The most that a path with a given beginning can have, from the second moments of its endings."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from pathflow._compat import compiled
from pathflow.influence.branching._landscape import Landscape, batch_size, padded
from pathflow.influence.branching._suffixes import Suffixes

# Units of rounding by which a product of a factor's entry and a tangent's may be wrong.
_UNITS = 16


def bounds_of(landscape: Landscape, suffixes: Suffixes, vectors: np.ndarray) -> np.ndarray:
    """For each beginning, a bound on the absolute influence of every path with it.

    `sum_k |w_k| sqrt(p_k^T M(x_k) p_k)`; see `_suffixes`. Of a batch, on the mean over its
    examples. Rounding is allowed for, and a bound that overflows is infinite.

    Arguments:
        landscape: the points with their weights.
        suffixes: of the junction where the beginnings end.
        vectors: their tangents there, `(n, [examples,] points, *shape)`.
    """
    points = len(landscape.weights)
    flat = vectors.reshape(len(vectors), points, -1)
    factor = suffixes.factor.reshape(len(suffixes.factor), points, -1)
    size = batch_size(len(flat), flat.nbytes // max(1, len(flat)))
    weights = np.abs(landscape.weights) * landscape.margin
    parts = [np.zeros(0)]
    for begin in range(0, len(flat), size):
        part = flat[begin : begin + size]
        known, missed = _norms(padded(part, size), factor)
        with np.errstate(over="ignore", invalid="ignore"):
            norms = np.hypot(_product(*known), _product(*missed) * np.sqrt(suffixes.cut))
            found = norms[: len(part)] @ weights
        # No comparison holds for NaN, which would count as small.
        parts.append(np.where(np.isnan(found), np.inf, found))
    return np.concatenate(parts)


@compiled
def _norms(vectors: Any, factor: Any) -> Any:
    """`|F p|` with its rounding, and `|p|`, for each vector and point, as numbers to multiply.

    Squares of small influences are under the smallest float32, so all are scaled to about one.
    """
    dtype = vectors.dtype if jnp.finfo(vectors.dtype).bits >= 32 else jnp.float32
    tiny, rounding = jnp.finfo(dtype).tiny, float(_UNITS * jnp.finfo(vectors.dtype).eps) ** 2
    size = jnp.maximum(jnp.max(jnp.abs(vectors), axis=-1).astype(dtype), tiny)
    scale = jnp.maximum(jnp.max(jnp.abs(factor), axis=(0, 2)).astype(dtype), tiny)
    p, f = vectors.astype(dtype) / size[..., None], factor.astype(dtype) / scale[None, :, None]
    along = jnp.einsum("mkn,rkn->mkr", p, f)
    squares = jnp.sum(along**2, axis=-1)
    squares += rounding * jnp.einsum("mkn,kn->mk", p**2, jnp.sum(f**2, axis=0))
    length = jnp.sqrt(jnp.sum(p**2, axis=-1))
    return (jnp.sqrt(squares), size, scale[None]), (length, size)


def _product(*factors: Any) -> np.ndarray:
    """Their product, in float64."""
    out = np.asarray(factors[0], np.float64)
    for factor in factors[1:]:
        out = out * np.asarray(factor, np.float64)
    return out
