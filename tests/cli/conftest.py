"""A folder with a problem in it, and the command line run in this process."""

import json
import sys
from types import SimpleNamespace

import pytest

from pathflow.cli import main

PROBLEM = """
import json
import sys

import jax
import jax.numpy as jnp
import numpy as np

import pathflow as pf
from pathflow.cli import Problem

RNG = np.random.default_rng(0)
WEIGHTS = {name: jnp.asarray(RNG.normal(size=(3, 3))) for name in ("gate", "in", "out")}
WORDS = jnp.asarray(RNG.normal(size=(4, 3)))


def model(weights, xs):
    def step(state, x):
        x = pf.tag(x, "x")
        gate = pf.tag(jax.nn.sigmoid(weights["gate"] @ state), "gate")
        return pf.tag(gate * state + weights["in"] @ x, "state"), None

    state, _ = jax.lax.scan(step, jnp.zeros(3), xs)
    return weights["out"] @ state


def traced():
    return pf.trace(model, WEIGHTS, WORDS, qoi=pf.LogitDifference(0, 1))


def problem():
    return Problem(traced(), (WEIGHTS, WORDS), source="x@1", doi=pf.Line(jnp.zeros(3), n_steps=5))


def batch():
    words = jnp.asarray(RNG.normal(size=(3, 4, 3)))
    doi = pf.Line(jnp.zeros(3), n_steps=5)
    return Problem(traced(), (WEIGHTS, words), source="x@1", doi=doi, in_axes=(None, 0))


NUMBER = 3


def nothing():
    return None


def raises():
    return WORDS @ jnp.zeros(7)


def incomplete():
    return Problem(traced(), (WEIGHTS, WORDS), source="x@1")


def wrong_source():
    return Problem(traced(), (WEIGHTS, WORDS), source="x@9", doi=pf.Point())


def no_graph():
    return Problem(model, (WEIGHTS, WORDS), source="x@1", doi=pf.Point())


def ends():
    sys.exit(0)


def speaks():
    print("of the problem")
    jax.debug.print("of the problem, traced {}", 1)
    return Problem(
        pf.trace(talkative, WORDS), (WORDS,), source="xs", doi=pf.Line(jnp.zeros((4, 3)))
    )


def talkative(xs):
    jax.debug.print("of the model {}", xs[0, 0])
    return pf.tag(jnp.tanh(xs), "inner").sum()


def parses():
    return compile("(", "<text>", "exec")


def reads_json():
    return json.loads("{")


def asks(seed):
    return seed
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder, with `asked.py` in it."""
    monkeypatch.setattr(sys, "path", sys.path[:])
    monkeypatch.delitem(sys.modules, "asked", raising=False)
    (tmp_path / "asked.py").write_text(PROBLEM)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    sys.modules.pop("asked", None)


@pytest.fixture
def asked(folder, monkeypatch):
    """The module of the problem."""
    monkeypatch.syspath_prepend(folder)
    import asked

    return asked


@pytest.fixture
def run(folder, capsys):
    """Runs a command: exit code, standard output and standard error."""

    def command(*arguments):
        capsys.readouterr()
        code = main([str(a) for a in arguments])
        out, err = capsys.readouterr()
        return SimpleNamespace(code=code, out=out, err=err, json=lambda: json.loads(out))

    return command
