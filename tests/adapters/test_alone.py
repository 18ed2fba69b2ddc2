"""Libraries are known whatever of pathflow is imported first, and however little of it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# A model of a library as it is, with gates of its cell, and nothing of pathflow but what is named.
MODEL = """
import flax.linen as nn
import jax
import jax.numpy as jnp

model, x = nn.RNN(nn.LSTMCell(3)), jnp.ones((2, 2))
params = model.init(jax.random.key(0), x)
"""
FOUND = """
names = {n.name for n in graph.nodes}
assert {"cell.hi", "cell.ii"} <= names or {"cell.i", "cell.f", "cell.g", "cell.o"} <= names, names
"""


def run(code):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("COV")}
    found = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**environment, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert found.returncode == 0, found.stderr


@pytest.mark.parametrize(
    "code",
    [
        # The model is a function only to its library's adapter.
        """
from pathflow.tracing import ModuleOutput, by, trace
graph = trace(model, params, x, nodes=by(lambda c: isinstance(c.origin, ModuleOutput)))
""",
        """
from pathflow.adapters import gates
from pathflow.tracing import trace
graph = trace(model, params, x, nodes=gates())
""",
        """
import pathflow as pf
graph = pf.trace(model, params, x, nodes=pf.gates())
""",
    ],
    ids=["tracing", "adapters", "pathflow"],
)
def test_models_of_libraries_are_known(code):
    run(f"{MODEL}\n{code}\n{FOUND}")


def test_a_recipe_of_the_users_own_comes_last():
    """It takes the place of pathflow's, even where it is registered before anything else is."""
    run(
        """
from pathflow.tracing import CellRecipe, recipe_of, register_recipe
import flax.linen as nn

name = f"{nn.LSTMCell.__module__}:{nn.LSTMCell.__qualname__}"
own = CellRecipe(name, (), {}, {"": "mine"})
register_recipe(own)
assert recipe_of(nn.LSTMCell, "__call__") is own
assert recipe_of(nn.GRUCell, "__call__").gates
"""
    )
