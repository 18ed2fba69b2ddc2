"""The mixing of lanes: an identity whose tangent moves between the lanes of a mapped axis.

Under `jax.vmap(..., axis_name=LANES)` a derivative has one tangent per lane. At a mix, with the
matrix `M`,

    t'[i] = sum over j of M[i, j] t[j],

which is what an automaton does to the sum of the tangents of all paths that are in one state: lane
`j` is state `j`, and reading a node moves it to the state after. Being linear in `t` and made of
JAX's own collective, it can be transposed, and differentiated again with respect to `M`.
"""

from typing import Any

import jax.numpy as jnp
from jax import lax
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir


class _Lanes:
    """The name of the axis; an object, so that no axis of a user's function has it."""

    def __repr__(self) -> str:
        return "lanes"


LANES = _Lanes()

mix_p = Primitive("pathflow_mix")


@mix_p.def_impl
@mix_p.def_abstract_eval
def _identity(x: Any, matrix: Any) -> Any:  # noqa: ARG001
    return x


def _jvp(primals: Any, tangents: Any) -> Any:
    x, matrix = primals
    tangent = tangents[0]
    if isinstance(tangent, ad.Zero):
        return x, tangent
    gathered = lax.all_gather(tangent, LANES)
    row = matrix[lax.axis_index(LANES)].astype(tangent.dtype)
    return x, jnp.tensordot(row, gathered, axes=1)


def _batch(values: Any, dims: Any) -> Any:
    return mix_p.bind(*values), dims[0]


def _lower(_: Any, x: Any, matrix: Any) -> list[Any]:  # noqa: ARG001
    return [x]


ad.primitive_jvps[mix_p] = _jvp
batching.primitive_batchers[mix_p] = _batch
mlir.register_lowering(mix_p, _lower)


def mix(x: Any, matrix: Any) -> Any:
    """`x`, whose tangents are mixed by the matrix, `(lanes, lanes)`, when it is differentiated
    under an axis of lanes.
    """
    return mix_p.bind(x, matrix)
