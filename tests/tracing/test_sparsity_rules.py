"""Every primitive's sparsity rule against Jacobians written out, at several points."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax import lax

from pathflow.tracing._dependence import has_rule, through
from pathflow.tracing._entry_sets import EntrySets
from pathflow.tracing._structure import Structure

_RANDOM = np.random.default_rng(0)


def array(*shape):
    return jnp.asarray(np.random.default_rng(sum(shape)).normal(size=shape))


def structure(fn, shape):
    """What the rules say of a function of one array, by its own equations."""
    closed = jax.make_jaxpr(fn)(jnp.zeros(shape))
    size = int(np.prod(shape))
    sets = EntrySets(size)
    outs = through(closed, [sets.single(0, shape)], sets, derivative=True)
    ids = np.concatenate([o.ravel() for o in outs])
    return closed, Structure(sets, ids, ((size,), (len(ids),)))


def nonzero(fn, shape):
    """Where the Jacobian is other than zero, at one of some random points."""

    def flat(x):
        outs = jax.tree.leaves(fn(x.reshape(shape)))
        return jnp.concatenate([o.ravel() for o in outs if jnp.issubdtype(o.dtype, jnp.inexact)])

    points = jnp.asarray(_RANDOM.normal(size=(64, int(np.prod(shape)))))
    jacobians = np.nan_to_num(jax.jit(jax.vmap(jax.jacfwd(flat)))(points))
    return (jacobians != 0).any(axis=0)


def primitives_of(jaxpr):
    for eqn in jaxpr.eqns:
        if eqn.invars:
            yield eqn.primitive.name
        for value in eqn.params.values():
            inner = getattr(value, "jaxpr", value)
            if hasattr(inner, "eqns"):
                yield from primitives_of(inner)


def conv(x, kernel, **given):
    numbers = given.pop("dimension_numbers", ("NCHW", "OIHW", "NCHW"))
    settings = {"window_strides": (1, 1), "padding": "VALID", **given}
    return lax.conv_general_dilated(x, kernel, dimension_numbers=numbers, **settings)


def index(*rows):
    return np.array(rows)


_NHWC = ("NHWC", "HWIO", "NHWC")
_DIAGONALS = lax.GatherDimensionNumbers(
    offset_dims=(), collapsed_slice_dims=(1,), start_index_map=(1,),
    operand_batching_dims=(0,), start_indices_batching_dims=(0,),
)  # fmt: skip
_SCATTERED = lax.ScatterDimensionNumbers(
    update_window_dims=(), inserted_window_dims=(1,), scatter_dims_to_operand_dims=(1,),
    operand_batching_dims=(0,), scatter_indices_batching_dims=(0,),
)  # fmt: skip
_STRIP = lax.GatherDimensionNumbers(
    offset_dims=(1, 2), collapsed_slice_dims=(), start_index_map=(1,)
)

# Of every one of these the rules find the Jacobian's structure exactly.
EXACT = {
    "tanh": (jnp.tanh, (2, 3)),
    "scaled": (lambda x: x * array(1, 3) + array(2, 1), (2, 3)),
    "masked": (lambda x: jnp.where(np.tri(3, dtype=bool), x, -1.0), (3, 3)),
    "masked by a value": (lambda x: jnp.where(array(2, 3) > 0, x, 2 * x), (2, 3)),
    "masked by itself": (lambda x: jnp.where(x > 0, x, 2 * x), (2, 3)),
    "product with zero": (lambda x: x * 0.0 + x[::-1], (4,)),
    "outer": (lambda x: x[:, None] * x[None], (3,)),
    "reshape": (lambda x: x.reshape(3, 2).T, (2, 3)),
    "squeeze": (lambda x: lax.squeeze(x[:, None], (1,)), (2, 3)),
    "expand": (lambda x: lax.expand_dims(x, (1,)), (2, 3)),
    "transpose": (lambda x: x.transpose(2, 0, 1), (2, 3, 2)),
    "rev": (lambda x: lax.rev(x, (1,)), (2, 3)),
    "broadcast": (lambda x: lax.broadcast_in_dim(x, (2, 4, 3), (0, 2)), (2, 3)),
    "repeat": (lambda x: jnp.broadcast_to(x[:, :1], (2, 3)), (2, 3)),
    "tile": (lambda x: jnp.tile(x, (2, 1, 2)), (2, 3)),
    "slice": (lambda x: lax.slice(x, (0, 1), (3, 4), (2, 2)), (3, 5)),
    "split": (lambda x: jnp.split(x, [1, 3])[::2], (4, 2)),
    "concatenate": (lambda x: jnp.concatenate([x[1:], array(2, 3), x[:1]]), (2, 3)),
    "stack": (lambda x: jnp.stack([x, x[::-1]], 1), (2, 3)),
    "unstack": (lambda x: [r * 2 for r in x], (2, 3)),
    "pad": (lambda x: lax.pad(x, 0.0, [(1, 2, 1), (-1, 0, 0)]), (2, 3)),
    "pad with a value": (lambda x: lax.pad(x[1:], x[0], [(1, 1, 0)]), (4,)),
    "pad after cutting": (lambda x: lax.pad(x, 0.0, [(-2, 1, 2), (0, -1, 1)]), (3, 3)),
    "dynamic_slice": (lambda x: lax.dynamic_slice(x, (1, 9), (2, 2)), (4, 3)),
    "dynamic_update_slice": (lambda x: lax.dynamic_update_slice(x, 2 * x[:1, :2], (2, 1)), (4, 3)),
    "cumsum": (lambda x: jnp.cumsum(x, 0), (3, 2)),
    "cumsum back": (lambda x: lax.cumsum(x, 1, reverse=True), (2, 3)),
    "cumprod": (lambda x: jnp.cumprod(x, 1), (2, 3)),
    "cumlogsumexp": (lambda x: lax.cumlogsumexp(x, 0), (3, 2)),
    "cummax": (lambda x: lax.cummax(x, 0), (3, 2)),
    "sum": (lambda x: x.sum(1), (2, 3, 2)),
    "max": (lambda x: x.max(0), (3, 2)),
    "prod": (lambda x: x.prod((0, 2)), (2, 3, 2)),
    "softmax": (lambda x: jax.nn.softmax(x, -1), (3, 4)),
    "normalised": (lambda x: (x - x.mean(-1, keepdims=True)) / x.std(-1, keepdims=True), (2, 4)),
    "sort": (lambda x: jnp.sort(x, 0), (3, 2)),
    "sort by keys": (lambda x: lax.sort((x, 2 * x), num_keys=1)[1], (3,)),
    "top_k": (lambda x: lax.top_k(x, 2)[0], (2, 3)),
    "matmul": (lambda x: x @ array(3, 2), (4, 3)),
    "matmul left": (lambda x: array(2, 4) @ x, (4, 3)),
    "gram": (lambda x: x @ x.T, (2, 3)),
    "batched": (lambda x: jnp.einsum("bij,bjk->bik", x, array(2, 3, 2)), (2, 2, 3)),
    "batched right": (lambda x: jnp.einsum("bij,bjk->bik", array(2, 4, 3), x), (2, 3, 2)),
    "heads": (lambda x: jnp.einsum("thd,hde->the", x, array(2, 3, 2)), (2, 2, 3)),
    "conv": (lambda x: conv(x, array(2, 3, 2, 2)), (2, 3, 4, 4)),
    "conv same": (lambda x: conv(x, array(2, 1, 3, 3), padding="SAME"), (1, 1, 4, 5)),
    "conv strided": (
        lambda x: conv(x, array(1, 2, 3, 2), window_strides=(2, 3), padding=[(1, 0), (-1, 2)]),
        (1, 2, 5, 6),
    ),
    "conv dilated": (
        lambda x: conv(
            x,
            array(1, 1, 2, 2),
            padding=[(1, 0), (2, 1)],
            lhs_dilation=(2, 1),
            rhs_dilation=(1, 2),
        ),
        (2, 1, 3, 4),
    ),
    "conv in groups": (lambda x: conv(x, array(4, 1, 2, 2), feature_group_count=2), (1, 2, 3, 3)),
    "conv by channels": (
        lambda x: conv(x, array(4, 2, 2, 2), feature_group_count=2),
        (2, 4, 3, 3),
    ),
    "conv of batches": (lambda x: conv(x, array(4, 2, 2, 2), batch_group_count=2), (4, 2, 3, 3)),
    "conv nhwc": (lambda x: conv(x, array(2, 2, 3, 2), dimension_numbers=_NHWC), (2, 3, 3, 3)),
    "conv of a kernel": (lambda x: conv(array(2, 3, 4, 4), x), (2, 3, 2, 2)),
    "sum pool": (
        lambda x: lax.reduce_window(x, 0.0, lax.add, (1, 2, 2), (1, 1, 2), "SAME"),
        (2, 3, 4),
    ),
    "max pool": (
        lambda x: lax.reduce_window(x, -jnp.inf, lax.max, (2, 2), (2, 2), "VALID"),
        (4, 4),
    ),
    "fft": (lambda x: jnp.abs(jnp.fft.rfft(x)), (2, 4)),
    "fft of planes": (lambda x: jnp.real(jnp.fft.fft2(x)), (2, 2, 3)),
    "gather": (lambda x: x[index(2, 0, -1, 0)], (3, 2)),
    "gather of pairs": (lambda x: x[index(2, 0), index(1, 1)], (3, 2)),
    "gather across": (lambda x: x[:, index(1, 0, 1)], (2, 3, 2)),
    "gather with fill": (
        lambda x: jnp.take(x, index(7, 1), axis=0, mode="fill", fill_value=0),
        (3,),
    ),
    "gather of one": (lambda x: x[1, 2] * x[0], (2, 3)),
    "gather of nothing": (lambda x: x.at[index(9)].get(mode="fill", fill_value=0.0), (3,)),
    "gather of one beyond": (
        lambda x: jnp.take(x, np.int64(9), mode="fill", fill_value=0.0) + x[0],
        (3,),
    ),
    "scatter at one": (lambda x: x.at[2].set(x[0]), (3,)),
    "gather clipped": (lambda x: jnp.take(x, index(7, 1), axis=0, mode="clip"), (3, 2)),
    "gather in batches": (
        lambda x: lax.gather(x, index([[2], [0]], [[1], [1]]), _DIAGONALS, (1, 1)),
        (2, 3),
    ),
    "gather of each": (lambda x: jax.vmap(lambda r, i: r[i])(x, index(2, 0)), (2, 3)),
    "gather of slices of each": (
        lambda x: jax.vmap(lambda r, i: lax.dynamic_slice(r, (i,), (2,)))(x, index(1, 0)),
        (2, 3),
    ),
    "gather of strips": (lambda x: lax.gather(x, index([0], [2]), _STRIP, (2, 2)), (2, 4)),
    "along an axis": (lambda x: jnp.take_along_axis(x, index([1, 0], [2, 2]), 1), (2, 3)),
    "scatter": (lambda x: jnp.zeros((4, 2)).at[index(2, 0)].set(2 * x), (2, 2)),
    "scatter over": (lambda x: x.at[index(2, 0)].set(3 * x[:2]), (4, 2)),
    "scatter add": (lambda x: x.at[index(1, 1, 0)].add(x[1:]), (4,)),
    "scatter beyond": (lambda x: x.at[index(1, 9)].add(x[:2], mode="drop"), (4,)),
    "scatter at one of each": (
        lambda x: jax.vmap(lambda r, i: r.at[i].set(2 * r[0]))(x, index(2, 1)),
        (2, 3),
    ),
    "scatter of columns": (lambda x: jnp.zeros((2, 5)).at[:, index(4, 1)].add(2 * x), (2, 2)),
    "scatter in batches": (
        lambda x: lax.scatter_add(
            jnp.zeros((2, 3)), index([[2], [0]], [[1], [1]]), x, _SCATTERED
        ),
        (2, 2),
    ),
    "triangular solve": (
        lambda x: lax.linalg.triangular_solve(
            jnp.ones((2, 2)) + jnp.eye(2), x, left_side=True, lower=False
        ),
        (2, 3),
    ),
    "relu": (jax.nn.relu, (2, 3)),
    "gelu": (jax.nn.gelu, (2, 3)),
    "softplus": (jax.nn.softplus, (2, 3)),
    "remat": (jax.checkpoint(lambda x: jnp.sin(jnp.cos(x[::-1]))), (2, 3)),
    "jit": (jax.jit(lambda x: x[index(1, 0)]), (2, 3)),
    "cond": (lambda x: lax.cond(x[0] > 0, lambda y: y[::-1], lambda y: y * 2, x), (4,)),
    "scan": (lambda x: lax.scan(lambda c, r: (c + r, c * r), jnp.ones(2), x), (3, 2)),
    "scan back": (lambda x: lax.scan(lambda c, r: (c + r, c), 0.0, x, reverse=True), (3,)),
    "shifting scan": (lambda x: lax.scan(lambda c, _: (jnp.roll(c, 1), c[0]), x, None, 2), (5,)),
    "while": (
        lambda x: lax.while_loop(
            lambda s: s[0] < 3, lambda s: (s[0] + 1, jnp.sin(s[1])), (0, x)
        )[1],
        (2, 3),
    ),
    "stop_gradient": (lambda x: x[::-1] + lax.stop_gradient(x * x.sum()), (3,)),
    "an index of itself": (lambda x: jnp.sin(x) * jnp.argmax(x).astype(x.dtype), (3,)),
}  # fmt: skip

# What the rules say of these is right, and more than there is.
SOUND = {
    "unknown slice": (lambda x: lax.dynamic_slice(x, (jnp.argmax(x[0]), 0), (2, 3)), (4, 3)),
    "unknown update": (
        lambda x: lax.dynamic_update_slice(x, 2 * x[:1], (jnp.argmax(x[:, 0]), 0)),
        (4, 3),
    ),
    "unknown gather": (lambda x: x[jnp.argsort(x[:, 0])], (3, 2)),
    "unknown scatter": (lambda x: x.at[jnp.argmax(x[:, 0])].add(x[1]), (3, 2)),
    "unknown columns": (lambda x: x.at[:, jnp.argmax(x[0])].mul(2.0), (2, 3)),
    "max pool, pulled": (
        jax.grad(
            lambda y: (lax.reduce_window(y, -jnp.inf, lax.max, (2,), (2,), "VALID") ** 2).sum()
        ),
        (6,),
    ),
    "cholesky": (lambda x: jnp.linalg.cholesky(x @ x.mT + 3 * jnp.eye(2)[None]), (2, 2, 2)),
    "solve": (lambda x: jnp.linalg.solve(array(2, 2) + 3 * jnp.eye(2), x), (2, 3)),
    "turning while": (
        lambda x: lax.while_loop(
            lambda s: s[0] < 2, lambda s: (s[0] + 1, jnp.roll(s[1], 1)), (0, x)
        )[1],
        (5,),
    ),
    "long scan": (lambda x: lax.scan(lambda c, r: (c + r, c), 0.0, x), (600,)),
    "sorted pairs": (lambda x: lax.sort((x[0], x[1]), num_keys=1), (2, 4)),
}
_LONG = ("long scan",)


@pytest.mark.parametrize("name", EXACT)
def test_exact(name):
    fn, shape = EXACT[name]
    closed, found = structure(fn, shape)
    assert all(map(has_rule, primitives_of(closed.jaxpr)))
    kept = _inexact(fn, shape)
    np.testing.assert_array_equal(found.mask()[kept], nonzero(fn, shape))


@pytest.mark.parametrize("name", sorted(set(SOUND) - set(_LONG)))
def test_sound(name):
    fn, shape = SOUND[name]
    _, found = structure(fn, shape)
    assert not (nonzero(fn, shape) & ~found.mask()[_inexact(fn, shape)]).any()


def _inexact(fn, shape):
    outs = jax.tree.leaves(jax.eval_shape(fn, jnp.zeros(shape)))
    kinds = [np.full(o.size, jnp.issubdtype(o.dtype, jnp.inexact)) for o in outs]
    return np.concatenate(kinds)


def test_a_long_loop_is_not_followed_step_by_step():
    """Its carry depends on everything, and the steps are not told apart."""
    fn, shape = SOUND["long scan"]
    _, found = structure(fn, shape)
    assert len(found.distinct) == 1
    assert found.mask().all()


def chain(names):
    """The functions one after the other, on as many entries as each takes."""

    def fn(x):
        for name in names:
            step, shape = EXACT[name]
            size = int(np.prod(shape))
            outs = jax.tree.leaves(step(jnp.resize(x, size).reshape(shape)))
            x = jnp.concatenate([o.ravel() for o in outs if o.dtype == x.dtype])
        return x

    return fn


@given(st.lists(st.sampled_from(sorted(EXACT)), min_size=2, max_size=3))
@settings(max_examples=settings().max_examples // 15)
def test_random_chains_are_sound(names):
    _, found = structure(chain(names), (6,))
    assert not (nonzero(chain(names), (6,)) & ~found.mask()).any()


def test_random_chains_are_nearly_exact():
    random = np.random.default_rng(3)
    claimed = there = 0
    for _ in range(8):
        names = random.choice(sorted(EXACT), 2)
        _, found = structure(chain(names), (6,))
        claimed += found.mask().sum()
        there += nonzero(chain(names), (6,)).sum()
    assert there <= claimed <= 1.1 * there
