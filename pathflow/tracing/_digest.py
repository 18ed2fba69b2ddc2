"""A digest of what a function computes, that another process finds again."""

import hashlib
import re
from typing import Any

import jax
import numpy as np

from pathflow.tracing._keys import identity_of
from pathflow.tracing._program import Program

_ADDRESS = re.compile(r" at 0x[0-9a-f]+")


def program_digest(program: Program) -> str:
    """A SHA-256 hex digest of a function's equations and names, without the values of the arrays
    that it closes over.

    Custom derivative rules that JAX cannot write down before they are called (`custom_vjp`) count
    by their names alone.
    """
    digest = hashlib.sha256()
    _feed(digest, (program.computed, program.sites, str(program.args_structure)))
    _feed(digest, tuple((str(n), i) for n, i in (program.inputs | program.outputs).items()))
    return digest.hexdigest()


def array_digest(array: Any) -> str:
    """A SHA-256 hex digest of an array's bytes, shape and dtype."""
    digest = hashlib.sha256()
    _feed_array(digest, array)
    return digest.hexdigest()


def _feed(digest: Any, key: Any) -> None:
    it = identity_of(key)
    if it is not None:
        if isinstance(it, jax.Array | np.ndarray | np.generic):
            _feed_array(digest, it)
        else:
            digest.update(_name_of(it))
    elif isinstance(key, tuple):
        digest.update(f"({len(key)} {type(key).__name__}".encode())
        for part in key:
            _feed(digest, part)
    elif isinstance(key, bytes):
        digest.update(key)
    else:
        digest.update(_ADDRESS.sub("", f"{type(key).__qualname__} {key!r};").encode())


def _feed_array(digest: Any, array: Any) -> None:
    if isinstance(array, jax.Array) and jax.numpy.issubdtype(array.dtype, jax.dtypes.prng_key):
        array = jax.random.key_data(array)
    values = np.asarray(array)
    digest.update(f"array {values.dtype.name} {values.shape};".encode())
    digest.update(values.tobytes())


def _name_of(it: Any) -> bytes:
    """How a primitive or a function is called."""
    name = getattr(it, "name", None) or getattr(it, "__qualname__", None)
    return f"{type(it).__qualname__} {name if isinstance(name, str) else ''};".encode()
