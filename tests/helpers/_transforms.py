"""What JAX can do to a function, as small tagged functions of one vector with what their graphs
must be.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import AxisType
from jax.sharding import PartitionSpec as P

import pathflow as pf

X = np.array([0.3, -1.2, 0.7])
A = np.array([[2.0, 0.3, -0.4], [0.1, 1.5, 0.2], [-0.3, 0.4, 3.0]])


@dataclass(frozen=True)
class Transform:
    """A function of one vector and its graph.

    Arguments:
        name: what is in it.
        fn: a function of one vector `x`, of either floating dtype, with a scalar result.
        labels: of its nodes in order, without `x`.
        n_paths: from `x` to the result.
        x: where it is looked at.
        batched: whether `jax.vmap` of it has the same nodes; a `cond` becomes a `select`, and a
            `while` runs on for the others.
        pulls: whether JAX differentiates it in reverse only.
    """

    name: str
    fn: Callable[[Any], Any]
    labels: tuple[str, ...]
    n_paths: int
    x: np.ndarray = field(default_factory=lambda: X)
    batched: bool = True
    pulls: bool = False

    def __repr__(self) -> str:
        return self.name


TRANSFORMS: list[Transform] = []


def _case(
    labels: str, n_paths: int, *, output: bool = True, **facts: Any
) -> Callable[[Callable], Callable]:
    def add(fn: Callable) -> Callable:
        name = fn.__name__.lstrip("_")
        found = (*labels.split(), *["output"] * output)
        TRANSFORMS.append(Transform(name, fn, found, n_paths, **facts))
        return fn

    return add


def _of(x: Any, value: Any) -> Any:
    """A constant in the dtype of `x`."""
    return jnp.asarray(value, x.dtype)


def _step(c: Any, _: Any = None) -> tuple[Any, None]:
    return pf.tag(jnp.sin(c), "s"), None


def _plain(c: Any, _: Any = None) -> tuple[Any, None]:
    return jnp.sin(c), None


# --- loops ---------------------------------------------------------------------------------------


@_case("s@0 s@1 s@2", 1)
def _scan(x):
    return lax.scan(_step, x, None, length=3)[0].sum()


@_case("s@2 s@1 s@0", 3)
def _scan_in_reverse_over_arrays(x):
    def body(c, w):
        c = pf.tag(jnp.sin(c * w), "s")
        return c, c * w

    ws = _of(x, [0.5, 1.5, -2.0])
    return lax.scan(body, x, ws, reverse=True)[1].sum()


@_case("i@0.0 i@0.1 o@0 i@1.0 i@1.1 o@1", 4)
def _scan_in_a_scan(x):
    def inner(c, _):
        return pf.tag(jnp.cos(c), "i"), None

    def outer(c, _):
        return pf.tag(lax.scan(inner, c, None, length=2)[0] + c, "o"), None

    return lax.scan(outer, x, None, length=2)[0].sum()


@_case("a b", 1)
def _scan_without_tags(x):
    a = pf.tag(2 * x, "a")
    return pf.tag(lax.scan(_plain, a, None, length=7)[0], "b").sum()


@_case("s@0 s@1 s@2 s@3 s@4", 5)
def _scan_that_is_unrolled(x):
    def body(c, w):
        c = pf.tag(jnp.sin(c * w), "s")
        return c, c.sum()

    ws = _of(x, np.arange(1.0, 6.0))
    return lax.scan(body, x, ws, unroll=2)[1].sum()


@_case("s@0 s@1 s@2", 3, output=False)
def _scan_over_the_input(x):
    def body(c, xi):
        c = pf.tag(jnp.tanh(0.5 * c + xi), "s")
        return c, None

    return lax.scan(body, jnp.zeros((), x.dtype), x)[0]


@_case("a", 1)
def _scan_of_no_steps(x):
    a = pf.tag(jnp.sin(x), "a")
    y, ys = lax.scan(lambda c, w: (pf.tag(c * w, "s"), c * w), a, jnp.zeros((0, 3), x.dtype))
    return y.sum() + ys.sum()


@_case("a s@0 s@1", 3)
def _scan_whose_carry_comes_back_untouched(x):
    def body(carry, _):
        same, total = carry
        return (same, pf.tag(jnp.sin(total) + same, "s")), None

    a = pf.tag(jnp.cos(x), "a")
    same, total = lax.scan(body, (a, jnp.zeros_like(x)), None, length=2)[0]
    return (same * total).sum()


@_case("w@0 s@0 w@1 s@1", 2)
def _scan_with_a_tag_that_never_changes(x):
    def body(c, _):
        w = pf.tag(jnp.exp(0.3 * x), "w")
        return pf.tag(jnp.sin(c * w), "s"), None

    return lax.scan(body, jnp.ones_like(x), None, length=2)[0].sum()


@_case("s@0 s@1 s@2", 1)
def _fori_loop(x):
    return lax.fori_loop(0, 3, lambda i, c: pf.tag(jnp.sin(c * (i + 1)), "s"), x).sum()


@_case("s@0 s@1", 1)
def _fori_loop_as_while(x):
    return lax.fori_loop(0, jnp.int32(2), lambda _, c: _step(c)[0], x).sum()


@_case("w@0 w@1 w@2", 1, batched=False)
def _while_loop(x):
    y = lax.while_loop(lambda c: (c * c).sum() < 40, lambda c: pf.tag(c * 2, "w"), x)
    return jnp.sin(y).sum()


@_case("p@0 w@0 p@1 w@1 p@2", 1, batched=False)
def _while_loop_with_a_tag_in_its_condition(x):
    def go(c):
        return pf.tag((c * c).sum(), "p") < 15

    return jnp.sin(lax.while_loop(go, lambda c: pf.tag(c * 2, "w"), x)).sum()


@_case("a b", 1)
def _while_loop_without_tags(x):
    y = lax.while_loop(lambda c: (c * c).sum() < 40, lambda c: c * 2, pf.tag(jnp.sin(x), "a"))
    return pf.tag(jnp.sin(y), "b").sum()


@_case("a b", 1)
def _associative_scan(x):
    y = lax.associative_scan(jnp.multiply, pf.tag(jnp.sin(x) + 2, "a"))
    return pf.tag(y, "b").sum()


@_case("m@0 m@1 m@2", 3)
def _map(x):
    return lax.map(lambda v: pf.tag(jnp.sin(v) * v, "m"), x).sum()


@_case("m@0 m", 2)
def _map_in_batches(x):
    return lax.map(lambda v: pf.tag(jnp.sin(v) * v, "m"), x, batch_size=2).sum()


# --- branches ------------------------------------------------------------------------------------


@_case("p", 1, batched=False)
def _cond(x):
    ways = (lambda v: pf.tag(jnp.sin(v), "p")), (lambda v: pf.tag(jnp.cos(v), "n"))
    return lax.cond(x[0] > 0, *ways, x).sum()


@_case("b1", 1, batched=False)
def _switch(x):
    ways = [lambda v, k=k: pf.tag(jnp.sin(v * k), f"b{k}") for k in (1, 2, 3)]
    return lax.switch((x[0] * 2).astype(jnp.int32), ways, x).sum()


@_case("a b", 1)
def _cond_without_tags(x):
    return pf.tag(lax.cond(x[0] > 0, jnp.sin, jnp.cos, pf.tag(x * 2, "a")), "b").sum()


@_case("e@0 o@1 e@2", 1)
def _cond_in_a_scan(x):
    def body(c, t):
        even, odd = (lambda v, n=n: pf.tag(jnp.sin(v), n) for n in "eo")
        return lax.cond(t % 2 == 0, even, odd, c), None

    return lax.scan(body, x, jnp.arange(3))[0].sum()


@_case("a", 1)
def _platform_dependent(x):
    a = pf.tag(jnp.sin(x), "a")
    return lax.platform_dependent(a, cpu=jnp.exp, default=jnp.exp).sum()


@_case("p", 1)
def _platform_dependent_with_tags(x):
    def way(v):
        return pf.tag(jnp.sin(v), "p")

    return lax.platform_dependent(x, cpu=way, default=way).sum()


# --- calls ---------------------------------------------------------------------------------------

_cached = jax.jit(lambda x: pf.tag(jnp.sin(x), "a") * 2)
_cached(jnp.asarray(X, jnp.float64))
_cached(jnp.asarray(X, jnp.float32))


@_case("a b", 1)
def _jit_that_ran_before(x):
    return pf.tag(_cached(x), "b").sum()


@_case("a b", 2)
def _jit_in_jit(x):
    @partial(jax.jit, inline=True)
    def inner(x):
        return pf.tag(jnp.sin(x), "a")

    @partial(jax.jit, static_argnames="power")
    def outer(x, power):
        return pf.tag(inner(x) ** power, "b") + x

    return outer(x, 2).sum()


@_case("a b", 1)
def _jit_with_donated_arguments(x):
    y = jax.jit(lambda v: pf.tag(jnp.sin(v), "a"), donate_argnums=0)(x * 1)
    return pf.tag(y**2, "b").sum()


@_case("a b", 2)
def _remat(x):
    def layer(x):
        return pf.tag(pf.tag(jnp.sin(x), "a") * x, "b")

    return jax.checkpoint(layer)(x).sum()


@_case("s@0 s@1 s@2", 1)
def _remat_in_a_scan_with_a_policy(x):
    policy = jax.checkpoint_policies.save_only_these_names("s")
    return lax.scan(jax.checkpoint(_step, policy=policy), x, None, length=3)[0].sum()


@_case("a b", 1)
def _remat_with_static_arguments(x):
    def layer(x, n):
        return pf.tag(jnp.sin(x) * n, "a")

    y = jax.checkpoint(layer, static_argnums=1)(x, 2)
    return pf.tag(y**2, "b").sum()


@_case("a b", 1)
def _named_call(x):
    with jax.named_scope("scope"):
        y = jax.named_call(lambda v: pf.tag(jnp.sin(v), "a"), name="call")(x)
    return pf.tag(y**2, "b").sum()


@_case("a", 1)
def _reduce_precision(x):
    a = pf.tag(jnp.sin(x), "a")
    return lax.reduce_precision(a, exponent_bits=11, mantissa_bits=52).sum()


@_case("a b", 1)
def _stop_gradient(x):
    a = pf.tag(jnp.sin(x), "a")
    b = pf.tag(jnp.cos(x), "b")
    return (a * lax.stop_gradient(b)).sum()


# --- rules ---------------------------------------------------------------------------------------


@jax.custom_jvp
def _ruled(x):
    return jnp.sin(x)


_ruled.defjvp(lambda primals, tangents: (jnp.sin(primals[0]), 3 * tangents[0] * primals[0]))


@_case("a b", 1)
def _custom_jvp(x):
    return pf.tag(_ruled(pf.tag(x * 2, "a")), "b").sum()


@partial(jax.custom_vjp, nondiff_argnums=(1,))
def _pulled(x, factor):
    return jnp.sin(x) * factor


_pulled.defvjp(
    lambda x, factor: (jnp.sin(x) * factor, x),
    lambda factor, x, g: (5 * g * x * factor,),
)


@_case("a b", 1, pulls=True)
def _custom_vjp(x):
    return pf.tag(_pulled(pf.tag(x * 2, "a"), 2), "b").sum()


@_case("a b c", 1, pulls=True)
def _custom_vjp_around_a_closure(x):
    a = pf.tag(jnp.sin(x), "a")
    b = pf.tag(a * a, "b")

    @jax.custom_vjp
    def scaled(v, w):
        return v * w

    scaled.defvjp(lambda v, w: (v * w, (v, w)), lambda r, g: (g * r[1], 2 * g * r[0]))
    return pf.tag(scaled(b, jnp.cos(b)), "c").sum()


@_case("s@0 s@1", 1, pulls=True)
def _custom_vjp_in_a_scan(x):
    return lax.scan(lambda c, _: (pf.tag(_pulled(c, 2), "s"), None), x, None, length=2)[0].sum()


@_case("r g p l", 5)
def _activations(x):
    r = pf.tag(jax.nn.relu(x), "r")
    g = pf.tag(jax.nn.gelu(x), "g")
    p = pf.tag(jax.nn.softmax(r + g), "p")
    return pf.tag(jax.nn.logsumexp(p + g), "l") + jax.nn.silu(p).sum()


# --- batches -------------------------------------------------------------------------------------


@_case("v", 1)
def _vmap(x):
    return jax.vmap(lambda v: pf.tag(jnp.sin(v) * v, "v"))(x).sum()


@_case("v w", 1)
def _vmap_in_vmap_along_other_axes(x):
    def inner(a, b):
        return pf.tag(jnp.sin(a * b), "v")

    y = jax.vmap(jax.vmap(inner, in_axes=(0, None)), in_axes=(None, 0), out_axes=1)(x, x)
    return pf.tag(y * y, "w").sum()


@_case("s@0 s@1", 1)
def _vmap_over_scan(x):
    return jax.vmap(lambda v: lax.scan(_step, v, None, length=2)[0])(x).sum()


@_case("n p", 2)
def _vmap_over_cond(x):
    ways = (lambda v: pf.tag(jnp.sin(v), "p")), (lambda v: pf.tag(jnp.cos(v), "n"))
    return jax.vmap(lambda v: lax.cond(v > 0, *ways, v))(x).sum()


# --- devices -------------------------------------------------------------------------------------


def _mesh(*names):
    return jax.make_mesh((1,) * len(names), names, axis_types=(AxisType.Auto,) * len(names))


@_case("a b", 1)
def _shard_map(x):
    def body(v):
        return pf.tag(jnp.sin(v), "a") * 2

    y = jax.shard_map(body, mesh=_mesh("i"), in_specs=P("i"), out_specs=P("i"))(x)
    return pf.tag(y, "b").sum()


@_case("a b c", 1)
def _shard_map_with_collectives(x):
    def body(v):
        a = pf.tag(jnp.sin(v), "a")
        a = lax.psum(a, "i") + lax.pmean(a, ("i", "j"))
        b = pf.tag(a * (1 + lax.axis_index("i")).astype(a.dtype), "b")
        b = lax.all_gather(b, "j", axis=0, tiled=True) + lax.ppermute(b, "j", [(0, 0)])
        b = b + lax.psum_scatter(b, "i", tiled=True)
        b = b + lax.all_to_all(b, "j", 0, 0, tiled=True)
        return pf.tag(b * lax.axis_size("i"), "c") + lax.pmax(lax.stop_gradient(b), "i")

    mesh = _mesh("i", "j")
    y = jax.shard_map(body, mesh=mesh, in_specs=P("i"), out_specs=P("i"), check_vma=False)(x)
    return y.sum()


@_case("a s@0 s@1", 1)
def _shard_map_around_a_scan(x):
    def body(v):
        a = lax.psum(pf.tag(jnp.sin(v), "a"), "i")
        return lax.scan(_step, a, None, length=2)[0]

    return jax.shard_map(body, mesh=_mesh("i"), in_specs=P("i"), out_specs=P())(x).sum()


@_case("a s@0 r g p l", 1)
def _shard_map_around_all_else(x):
    def body(v):
        a = pf.tag(jax.jit(lambda v: jnp.sin(v) * jnp.zeros_like(v).at[0].set(1))(v), "a")
        a = lax.scan(jax.checkpoint(_step), a, None, length=1)[0]
        r = pf.tag(jax.nn.relu(a + jnp.ones_like(a)), "r")
        g = pf.tag(jax.nn.gelu(lax.psum(r, "i")), "g")
        p = pf.tag(jax.nn.softmax(g), "p")
        p = lax.cond(p.sum() > 0, lambda v: pf.tag(jax.nn.logsumexp(v), "l"), jnp.max, p)
        return lax.psum(p, "i") * 2

    return jax.shard_map(body, mesh=_mesh("i"), in_specs=P("i"), out_specs=P())(x)


@_case("s@0 s@1", 1)
def _shard_map_in_a_scan(x):
    def turn(c, _):
        y = jax.shard_map(
            lambda v: pf.tag(lax.all_gather(jnp.sin(v), "i").sum(0), "s"),
            mesh=_mesh("i"),
            in_specs=P("i"),
            out_specs=P("i"),
        )(c)
        return y, None

    return lax.scan(jax.jit(turn), x, None, length=2)[0].sum()


@_case("a b", 1, pulls=True)
def _shard_map_around_custom_vjp(x):
    def body(v):
        return lax.psum(pf.tag(_pulled(pf.tag(v * 2, "a"), 2), "b"), "i")

    return jax.shard_map(body, mesh=_mesh("i"), in_specs=P("i"), out_specs=P())(x).sum()


@_case("a b", 1)
def _shard_map_without_tags(x):
    a = pf.tag(jnp.sin(x), "a")
    y = jax.shard_map(
        lambda v: lax.psum(v * v, "i"), mesh=_mesh("i"), in_specs=P("i"), out_specs=P()
    )(a)
    return pf.tag(y, "b").sum()


# --- derivatives inside --------------------------------------------------------------------------


@_case("e f", 1)
def _grad_of_an_energy(x):
    def energy(v):
        return pf.tag(jnp.sin(v) * v, "e").sum()

    return pf.tag(-jax.grad(energy)(x), "f").sum()


@_case("e j", 2)
def _jvp_inside(x):
    y, dy = jax.jvp(lambda v: pf.tag(jnp.sin(v), "e"), (x,), (x * x,))
    return pf.tag(y * dy, "j").sum()


@_case("s@0 s@1 g", 2)
def _grad_of_a_scan(x):
    g = jax.grad(lambda v: lax.scan(_step, v, None, length=2)[0].sum())(x)
    return pf.tag(g, "g").sum()


@_case("a l", 2)
def _linearize_inside(x):
    y, push = jax.linearize(lambda v: pf.tag(jnp.sin(v), "a"), x)
    return pf.tag(push(y), "l").sum()


# --- linear solves -------------------------------------------------------------------------------


@_case("b z", 1)
def _linalg_solve(x):
    b = pf.tag(jnp.sin(x), "b")
    return pf.tag(jnp.linalg.solve(_of(x, A), b), "z").sum()


@_case("m d", 2)
def _linalg_functions(x):
    m = pf.tag(_of(x, A) + jnp.diag(x), "m")
    return pf.tag(jnp.linalg.inv(m), "d").sum() + jnp.linalg.slogdet(m)[1]


@_case("b z", 1)
def _custom_linear_solve(x):
    matrix = _of(x, A)

    def solve(_, b):
        return jnp.linalg.inv(matrix) @ b

    def transposed(_, b):
        return jnp.linalg.inv(matrix).T @ b

    b = pf.tag(jnp.sin(x), "b")
    z = lax.custom_linear_solve(lambda v: matrix @ v, b, solve, transposed)
    return pf.tag(z, "z").sum()


@_case("b z", 1)
def _conjugate_gradients(x):
    matrix = _of(x, A @ A.T)
    b = pf.tag(jnp.sin(x), "b")
    z, _ = jax.scipy.sparse.linalg.cg(lambda v: matrix @ v, b, maxiter=20)
    return pf.tag(z, "z").sum()
