"""Cases that break the contract, each in its own way: what shows that the checks can fail."""

import itertools

import jax.numpy as jnp
from jax import lax
from jax.custom_batching import custom_vmap

import pathflow as pf
from tests.contract._case import Case


def _plain(dtype):
    def fn(x):
        return pf.tag(jnp.sin(pf.tag(x**2, "a")), "b") + x

    return fn, (jnp.asarray([0.3, -1.2, 0.7], dtype),)


def _case(name, make=_plain, names=("a", "b"), paths=2, **more):
    return Case(name, make, frozenset({"x", "qoi", *names}), "x", paths, **more)


def _later():
    """A function of no arguments: 0 at the two calls that `pf.trace` compares, then 1, 2, ..."""
    calls = itertools.count(-1)
    return lambda: max(0, next(calls))


def _renaming(dtype):
    """Names that depend on how often the function was called."""
    call = _later()
    fn, args = _plain(dtype)
    return lambda x: pf.tag(fn(x), f"call{call()}"), args


_MADE = itertools.count()


def _drifting(dtype):
    """Another function whenever it is made."""
    fn, args = _plain(dtype)
    number = next(_MADE)
    return lambda x: pf.tag(fn(x), f"made{number}"), args


def _impure(dtype):
    """Other values at every call, in the same graph."""
    call = _later()
    fn, args = _plain(dtype)
    return lambda x: (1 + call()) * fn(x), args


def _unordered(dtype):
    """Nodes in the order of a set of texts, which the hash seed decides."""
    fn, args = _plain(dtype)
    return lambda x: fn(x) + sum(pf.tag(jnp.sin(x), name) for name in set("cdefghij")), args


def _rounding(dtype):
    """A node in half the precision."""
    fn, args = _plain(dtype)
    half = {8: jnp.float32, 4: jnp.float16}[jnp.dtype(dtype).itemsize]
    return lambda x: pf.tag(fn(x).astype(half), "half").astype(dtype), args


def _crowded(dtype):
    """A batching rule that gives other values than its function."""

    @custom_vmap
    def number(x):
        return jnp.ones_like(x)

    @number.def_vmap
    def _(axis_size, in_batched, x):
        return jnp.full_like(x, axis_size), True

    fn, args = _plain(dtype)
    return lambda x, y: fn(x) * number(lax.stop_gradient(y)), (*args, *args)


def _other_function(dtype):
    fn, (x,) = _plain(dtype)
    return lambda v: 1.01 * jnp.sum(fn(v)), x


_ALL = (
    _case("another name", names=("a", "c")),
    _case("one name too many", names=("a", "b", "c")),
    _case("another number of paths", paths=3),
    _case("another function's total", of_source=_other_function),
    _case("renaming", _renaming, names=("a", "b", "call0")),
    _case("drifting", _drifting, names=("a", "b", "made0")),
    _case("impure", _impure),
    _case("unordered", _unordered, names="abcdefghij", paths=10),
    _case("rounding", _rounding, names=("a", "b", "half")),
    _case("crowded", _crowded, inputs=("x",), in_axes=(0, 0)),
)
BROKEN = {case.name: case for case in _ALL}
