"""Prints the digest of every case's graph: run as a process of its own, with another hash seed."""

import json

import jax

from tests.contract._broken import BROKEN
from tests.contract._checks import digest
from tests.contract._registry import CASES


def digests() -> dict[str, str]:
    """The digests by the names of the cases, broken ones included."""
    return {name: digest(case.traced[2]) for name, case in (CASES | BROKEN).items()}


if __name__ == "__main__":
    # Those of the tests: a library may choose its equations by them.
    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_numpy_dtype_promotion", "strict")
    jax.config.update("jax_numpy_rank_promotion", "raise")
    print(json.dumps(digests()))  # noqa: T201  (the parent process reads it)
