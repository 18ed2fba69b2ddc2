"""A digest of what a function computes, that another process finds again."""

import hashlib
import re
from typing import Any

import jax
import numpy as np

from pathflow.tracing._keys import identity_of, numbers_of
from pathflow.tracing._program import Program

_ADDRESS = re.compile(r" at 0x[0-9a-f]+")
_TOKEN = re.compile(r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|.""", re.DOTALL)


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
        text = _in_order(_ADDRESS.sub("", repr(key)))
        digest.update(f"{type(key).__qualname__} {text};".encode())


def _in_order(text: str) -> str:
    """A representation with what stands in braces in the order of the alphabet: a set, however
    deep in other objects, is shown in an order that each process draws anew.
    """
    if "{" not in text:
        return text
    open_parts: list[tuple[str, list[str]]] = [("", [""])]
    for part in _TOKEN.findall(text):
        parts = open_parts[-1][1]
        if part in ("{", "[", "("):
            open_parts.append((part, [""]))
        elif part in ("}", "]", ")") and len(open_parts) > 1:
            bracket, parts = open_parts.pop()
            parts = sorted(p.strip() for p in parts) if bracket == "{" else parts
            open_parts[-1][1][-1] += f"{bracket}{','.join(parts)}{part}"
        elif part == ",":
            parts.append("")
        else:
            parts[-1] += part
    return "".join(bracket + ",".join(parts) for bracket, parts in open_parts)


def _feed_array(digest: Any, array: Any) -> None:
    values = numbers_of(array)
    digest.update(f"array {values.dtype.name} {values.shape};".encode())
    digest.update(values.tobytes())


def _name_of(it: Any) -> bytes:
    """How a primitive or a function is called."""
    name = getattr(it, "name", None) or getattr(it, "__qualname__", None)
    return f"{type(it).__qualname__} {name if isinstance(name, str) else ''};".encode()
