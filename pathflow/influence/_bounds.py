"""The most that a path with a given beginning can have, from the second moments of its endings."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pathflow.influence._landscape import Landscape, batch_size, padded
from pathflow.influence._suffixes import Suffixes


def bounds_of(landscape: Landscape, suffixes: Suffixes, vectors: np.ndarray) -> np.ndarray:
    """For each beginning, a bound on the absolute influence of every path with it.

    `sum_k |w_k| sqrt(p_k^T M(x_k) p_k)`; see `_suffixes`. Of a batch, on the mean over its
    examples.

    Arguments:
        landscape: the points with their weights.
        suffixes: of the junction where the beginnings end.
        vectors: their tangents there, `(n, [examples,] points, *shape)`.
    """
    points = len(landscape.weights)
    flat = vectors.reshape(len(vectors), points, -1)
    factor = suffixes.factor.reshape(len(suffixes.factor), points, -1)
    spare = suffixes.spare.astype(factor.dtype)
    size = batch_size(len(flat), flat.nbytes // max(1, len(flat)))
    weights = np.abs(landscape.weights)
    parts = [np.zeros(0)]
    for begin in range(0, len(flat), size):
        part = flat[begin : begin + size]
        norms = np.asarray(_norms(padded(part, size), factor, spare), np.float64)
        parts.append(norms[: len(part)] @ weights)
    return np.concatenate(parts)


@jax.jit
def _norms(vectors: Any, factor: Any, spare: Any) -> Any:
    """`sqrt(|F p|^2 + spare |p|^2)` for each vector and point, `(n, points)`.

    Scaled, since squares of small influences are under the smallest float32.
    """
    tiny = jnp.finfo(vectors.dtype).tiny
    size = jnp.maximum(jnp.max(jnp.abs(vectors), axis=-1), tiny)
    scale = jnp.maximum(jnp.max(jnp.abs(factor), axis=(0, 2)), tiny)
    p, f = vectors / size[..., None], factor / scale[None, :, None]
    along = jnp.einsum("mkn,rkn->mkr", p, f)
    missed = jnp.sqrt(spare) / scale
    squares = jnp.sum(along**2, axis=-1) + missed[None] ** 2 * jnp.sum(p**2, axis=-1)
    return jnp.sqrt(squares) * size * scale[None]
