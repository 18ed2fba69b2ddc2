"""The digest of a function's code is the same in each process, whatever its seed of hashes."""

import os
import subprocess
import sys

PROGRAM = """
import jax, jax.numpy as jnp, pathflow as pf
from pathflow.tracing import program_digest
save = jax.checkpoint_policies.save_only_these_names('x, y', 'y{', 'zz', 'w')
def f(x):
    return jax.checkpoint(lambda v: pf.tag(jnp.{op}(v), "a"), policy=save)(x).sum()
print(program_digest(pf.trace(f, jnp.ones(2)).program))
"""


def digest(seed, op="sin"):
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    command = [sys.executable, "-c", PROGRAM.replace("{op}", op)]
    return subprocess.run(command, check=True, env=environment, capture_output=True).stdout


def test_a_set_has_no_order():
    assert digest("1") == digest("2") != digest("1", "cos")
