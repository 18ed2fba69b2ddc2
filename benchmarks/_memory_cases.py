"""Questions whose memory is predicted and measured."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

import pathflow as pf
from benchmarks._pathflow import make_problem
from benchmarks._setting import Setting
from benchmarks._transformer_alone import Case

_KERNELS = ((16, 3, 3, 3), (32, 16, 3, 3))
_PRIMARY = "x@0 g0 c0 h0 g1 c1+ h1 qoi"


def _lstm(steps: int, units: int, points: int, search: pf.AbstractSearch) -> dict[str, Any]:
    """The two-layer language model with random weights."""
    setting = Setting(steps, units=units, embedding=units, points=points)
    problem = make_problem(setting)
    sentence = problem.sentence(0)
    return {
        "graph": problem.traced,
        "args": (problem.parameters, jnp.asarray(sentence.tokens)),
        "source": "x@0",
        "doi": pf.Line(jnp.asarray(sentence.baseline), n_steps=points),
        "search": search,
    }


def _gru(search: pf.AbstractSearch) -> dict[str, Any]:
    """Many examples of a recurrent model over word vectors."""
    from pathflow.models import GRU  # noqa: PLC0415  (of one case)

    words = jax.random.normal(jax.random.key(0), (256, 6, 64))
    graph = pf.trace(GRU(64, 128, 4, rngs=nnx.Rngs(0)), words[0], qoi=pf.LogitDifference(0, 1))
    return {
        "graph": graph,
        "args": (words,),
        "in_axes": 0,
        "source": "x@0",
        "doi": pf.Line(jnp.zeros(64), n_steps=12),
        "search": search,
    }


def _transformer(search: pf.AbstractSearch) -> dict[str, Any]:
    """Twelve layers of twelve heads over 64 words."""
    case = Case(64, 12, 12, 384, 8, 2_000)
    return {**case.question(0), "search": search}


def _small(search: pf.AbstractSearch) -> dict[str, Any]:
    """Three nodes of one matrix product, at 4,000 points: seconds, so that tests ask it too."""

    def fn(x: jax.Array, weights: jax.Array) -> jax.Array:
        a = pf.tag(jnp.tanh(weights @ x), "a")
        b = pf.tag(a * jnp.sin(a), "b")
        return pf.tag((b + a).sum(), "qoi")

    args = (jnp.ones(128), jax.random.normal(jax.random.key(0), (128, 128)))
    doi = pf.Line(jnp.zeros(128), n_steps=4_000, rule=pf.Midpoint())
    return {"graph": pf.trace(fn, *args), "args": args, "source": "x", "doi": doi, "search": search}


def _scan(search: pf.AbstractSearch) -> dict[str, Any]:
    """A loop of 200 steps in which nothing is tagged."""

    def fn(x: jax.Array, weights: jax.Array) -> jax.Array:
        state = pf.tag(jnp.tanh(x), "before")
        state, _ = jax.lax.scan(lambda s, _: (jnp.tanh(weights @ s), None), state, length=200)
        return pf.tag(pf.tag(state, "after").sum(), "qoi")

    args = (jnp.ones(256), jax.random.normal(jax.random.key(0), (256, 256)) / 16)
    doi = pf.Line(jnp.zeros(256), n_steps=50)
    return {"graph": pf.trace(fn, *args), "args": args, "source": "x", "doi": doi, "search": search}


def _convolutions(search: pf.AbstractSearch) -> dict[str, Any]:
    """Two convolutions of a batch of images."""

    def fn(x: jax.Array, first: jax.Array, second: jax.Array) -> jax.Array:
        for name, kernel in (("first", first), ("second", second)):
            x = jax.lax.conv(x[None], kernel, (1, 1), "SAME")[0]
            x = pf.tag(jax.nn.relu(x), name)
        return x.mean(axis=(1, 2))

    keys = jax.random.split(jax.random.key(0), 3)
    images = jax.random.normal(keys[0], (16, 3, 32, 32))
    kernels = [jax.random.normal(k, s) / 9 for k, s in zip(keys[1:], _KERNELS, strict=True)]
    graph = pf.trace(fn, images[0], *kernels, qoi=pf.LogitDifference(0, 1))
    return {
        "graph": graph,
        "args": (images, *kernels),
        "in_axes": (0, None, None),
        "source": "x",
        "doi": pf.Line(jnp.zeros((3, 32, 32)), n_steps=12),
        "search": search,
    }


CASES: dict[str, Callable[[], dict[str, Any]]] = {
    "Enumerate, LSTM 2 x 650, 4 words": lambda: _lstm(4, 650, 50, pf.Enumerate()),
    "Enumerate, LSTM 2 x 256, 6 words": lambda: _lstm(6, 256, 24, pf.Enumerate(2**31)),
    "Enumerate, GRU, 256 examples": lambda: _gru(pf.Enumerate(2**28)),
    "Aggregate, LSTM 2 x 650, 8 words": lambda: _lstm(
        8, 650, 50, pf.Aggregate({"primary": _PRIMARY})
    ),
    "Aggregate streaming, LSTM 2 x 650, 8 words": lambda: _lstm(
        8, 650, 50, pf.Aggregate({"primary": _PRIMARY}, pf.Streaming())
    ),
    "Conductance, transformer": lambda: _transformer(pf.Conductance()),
    "Enumerate, small": lambda: _small(pf.Enumerate()),
    "Aggregate, small": lambda: _small(pf.Aggregate({"through b": ".* b .*"})),
    "Refine, LSTM 2 x 650, 5 words": lambda: _lstm(5, 650, 50, pf.Refine(_PRIMARY, at="c1")),
}
# What the compiler holds there is known too little to promise anything.
OUTSIDE: dict[str, Callable[[], dict[str, Any]]] = {
    "Enumerate, untagged scan of 200 steps, width 256": lambda: _scan(pf.Enumerate()),
    "Enumerate, two convolutions of 16 images": lambda: _convolutions(pf.Enumerate()),
}
