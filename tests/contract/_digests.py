"""Prints the digest of every case's graph: run as a process of its own, with another hash seed."""

import json

import jax
import jax.numpy as jnp

from tests.contract._broken import BROKEN
from tests.contract._checks import digest
from tests.contract._registry import CASES


def digests() -> dict[str, str]:
    """The digests by the names of the cases, broken ones included."""
    cases = CASES | BROKEN
    return {name: digest(c.trace(*c.make(jnp.float64))) for name, c in cases.items()}


if __name__ == "__main__":
    jax.config.update("jax_enable_x64", True)
    print(json.dumps(digests()))  # noqa: T201  (the parent process reads it)
