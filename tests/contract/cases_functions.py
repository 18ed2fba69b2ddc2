"""Plain functions with tags: what JAX can put around a value, small."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

import pathflow as pf
from tests.contract._case import Case


def _normal(dtype, *shape, seed=0):
    return jnp.asarray(np.random.default_rng([seed, *shape]).normal(size=shape), dtype)


def _weighted(out):
    """A quantity that treats no two entries alike."""
    return jnp.sum(jnp.cos(jnp.arange(1, out.size + 1, dtype=out.dtype)) * jnp.ravel(out))


def _with_input(fn):
    """The function of one vector of four entries, made anew for every dtype."""
    return lambda dtype: (partial(fn, dtype), (_normal(dtype, 4),))


def _loop(dtype, x):
    w = _normal(dtype, 4, 4)

    def body(h, x):
        gate = pf.tag(jax.nn.sigmoid(w @ h + x), "gate")
        h = pf.tag(gate * h + jnp.tanh(x), "h")
        return h, h

    return lax.scan(body, jnp.zeros(4, dtype), jnp.stack([x, 2 * x, -x]))[1]


def _nested(dtype, x):
    @jax.jit
    def inner(x):
        return pf.tag(jnp.sin(x), "a") * x

    once = jax.checkpoint(lambda x: pf.tag(inner(x) + inner(2 * x), "b"))
    return lax.fori_loop(0, 2, lambda _, x: pf.tag(once(x) + x, "c"), x)


def _decided(dtype, x):
    def inside(x):
        return pf.tag(x**3, "cube")

    x = lax.cond(jnp.vdot(x, x) > 0, inside, lambda x: x, x)
    return pf.tag(lax.while_loop(lambda v: jnp.vdot(v, v) > 1, lambda v: v / 2, x), "small")


@jax.custom_jvp
def _clipped(x):
    return jnp.clip(x, -1, 1)


@_clipped.defjvp
def _straight_through(primals, tangents):
    return _clipped(*primals), tangents[0]


@jax.custom_vjp
def _reversed(x):
    return jnp.sin(x)


_reversed.defvjp(lambda x: (jnp.sin(x), jnp.cos(x)), lambda cos, ct: (2 * cos * ct,))


def _ruled(dtype, x):
    return pf.tag(_clipped(2 * x), "clipped") + pf.tag(_reversed(x), "reversed")


def _looked_up(dtype):
    def fn(words, table, scale):
        rows = pf.tag(table[words], "rows")
        return pf.tag(jnp.sort(rows, axis=0) * scale["by"], "sorted") + rows

    return fn, (jnp.array([2, 0, 1]), _normal(dtype, 4, 2), {"by": _normal(dtype)})


def _names(*names):
    return frozenset({"x", "qoi", *names})


CASES = [
    Case(
        name="scan",
        make=_with_input(_loop),
        names=_names("gate", "h"),
        source="x",
        # Ways into h_t: straight, through its gate, or through h_{t-1} by two edges; the first
        # state is no node. The outputs of all steps are read: 2 + (2 + 2*2) + (2 + 2*6).
        paths=22,
        qoi=_weighted,
    ),
    Case(
        name="jit in remat in fori_loop",
        make=_with_input(_nested),
        names=_names("a", "a#1", "b", "c"),
        source="x",
        # Each iteration: through b by itself or by either call's a, or past b.
        paths=16,
        qoi=_weighted,
    ),
    Case(
        name="decisions",
        make=_with_input(_decided),
        names=_names("cube", "small"),
        source="x",
        paths=1,
        qoi=_weighted,
        not_vmapped="a decision under vmap has no one answer",
    ),
    Case(
        name="custom rules",
        make=_with_input(_ruled),
        names=_names("clipped", "reversed"),
        source="x",
        paths=2,
        qoi=_weighted,
        new_classes="JAX makes new functions of a custom vjp rule whenever it is traced",
    ),
    Case(
        name="a gather from a table, and a pytree",
        make=_looked_up,
        names=frozenset({"table", "rows", "sorted", "qoi"}),
        source="table",
        paths=2,
        qoi=_weighted,
        in_axes=(0, None, None),
    ),
]
