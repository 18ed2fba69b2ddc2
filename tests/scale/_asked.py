"""A small question of many paths, which every process asks in the same way."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

import pathflow as pf

STEPS, EXAMPLES = 4, 3
PATHS = 2**STEPS


def recurrence(x, words):
    """Two ways from every word to the next."""

    def step(state, word):
        gate = pf.tag(jax.nn.sigmoid(state * word), "gate")
        state = pf.tag(jnp.tanh(gate * state + word), "state")
        return state, None

    return jax.lax.scan(step, x, words)[0].sum()


@functools.cache
def arrays(seed=0, n_examples=EXAMPLES):
    rng = np.random.default_rng(seed)
    words, x = rng.normal(size=(STEPS, 4)), rng.normal(size=(n_examples, 4))
    return jnp.asarray(x), jnp.asarray(words)


@functools.cache
def traced(function=recurrence):
    x, words = arrays()
    return pf.trace(function, x[0], words, inputs=("x",))


def ask(search, *, batched=True, seed=0, n_steps=3, n_examples=EXAMPLES, function=recurrence):
    """What is asked of the paths from `x`: of several examples, or of the first."""
    x, words = arrays(seed, n_examples)
    doi = pf.Line(jnp.zeros_like(x[0]), n_steps=n_steps)
    args, axes = ((x, words), (0, None)) if batched else ((x[0], words), None)
    return pf.attribute(traced(function), args, source="x", doi=doi, search=search, in_axes=axes)


def ask_one(search):
    return ask(search, batched=False)


def content(folder):
    """The bytes of all files of a run but the lock, which names a process."""
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file() and p.name != "lock"}
