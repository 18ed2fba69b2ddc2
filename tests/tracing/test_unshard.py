"""`shard_map` over one device is its body; over more it stays whole."""

import os
import subprocess
import sys
from textwrap import dedent

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.sharding import AxisType
from jax.sharding import PartitionSpec as P

import pathflow as pf

X = jnp.array([0.3, -1.2, 0.7])


def sharded(body, *, check_vma=False, kind=AxisType.Auto, **kwargs):
    mesh = jax.make_mesh((1, 1), ("i", "j"), axis_types=(kind,) * 2)
    specs = {"in_specs": P("i"), "out_specs": P("i")} | kwargs
    return jax.shard_map(body, mesh=mesh, check_vma=check_vma, **specs)


def influences(fn, x=X):
    return pf.attribute(pf.trace(fn, x), (x,), source="x", doi=pf.Point())


def between(collective):
    """The collective between two tags; what it must not do is change a path's influence."""

    def body(v):
        return pf.tag(jnp.cos(collective(pf.tag(jnp.sin(v), "a"))), "b")

    return lambda x: sharded(body)(x).sum()


# Each beside what it is over axes of size 1.
COLLECTIVES = {
    "psum": (lambda v: lax.psum(v, "i"), lambda v: v),
    "psum of a tree": (lambda v: sum(lax.psum((v, 2 * v), ("i", "j"))), lambda v: v + 2 * v),
    "pmean": (lambda v: lax.pmean(v, ("i", "j")), lambda v: v),
    "all_gather": (lambda v: lax.all_gather(v, "i", axis=1)[:, 0], lambda v: v),
    "all_gather, tiled": (lambda v: lax.all_gather(v, "i", tiled=True), lambda v: v),
    "ppermute": (lambda v: v * lax.ppermute(v, "i", [(0, 0)]), lambda v: v * v),
    "ppermute from nobody": (lambda v: v + lax.ppermute(v, "i", []), lambda v: v),
    "pshuffle": (lambda v: lax.pshuffle(v, "i", [0]), lambda v: v),
    "psum_scatter": (lambda v: lax.psum_scatter(v[None], "i"), lambda v: v),
    "psum_scatter, tiled": (lambda v: lax.psum_scatter(v, "i", tiled=True), lambda v: v),
    "all_to_all": (
        lambda v: lax.all_to_all(jnp.outer(v, v)[None], "i", 0, 2)[:, 1, 0],
        lambda v: jnp.outer(v, v)[:, 1],
    ),
    "all_to_all, tiled": (lambda v: lax.all_to_all(v, "i", 0, 0, tiled=True), lambda v: v),
    "pswapaxes": (lambda v: lax.pswapaxes(v[None], "i", 0)[0], lambda v: v),
    "axis_index": (
        lambda v: v * (2 + lax.axis_index(("i", "j"))).astype(v.dtype),
        lambda v: 2 * v,
    ),
    "axis_size": (lambda v: v * lax.axis_size("i"), lambda v: v),
    "pmax of what stands still": (
        lambda v: v - lax.pmax(lax.stop_gradient(v), "i"),
        lambda v: v - lax.stop_gradient(v),
    ),
    "pmin of what stands still": (
        lambda v: v * lax.pmin(lax.stop_gradient(v), "i"),
        lambda v: v * lax.stop_gradient(v),
    ),
}


@pytest.mark.parametrize(("collective", "plain"), COLLECTIVES.values(), ids=COLLECTIVES)
def test_collectives_over_one_device(collective, plain):
    def fn(x):
        return pf.tag(jnp.cos(plain(pf.tag(jnp.sin(x), "a"))), "b").sum()

    traced = pf.trace(between(collective), X)
    assert [str(n) for n in traced.nodes] == ["x", "a", "b", "output"]
    # The same equations, and so the same classes of nodes, leave nothing to differ.
    for (_, one), (_, other) in zip(
        traced.functions.items(), pf.trace(fn, X).functions.items(), strict=True
    ):
        assert one.predecessors == other.predecessors
    np.testing.assert_allclose(
        influences(between(collective)).total, jax.jvp(fn, (X,), (X,))[1], rtol=1e-12
    )


@pytest.mark.parametrize("check_vma", [False, True])
@pytest.mark.parametrize("kind", [AxisType.Auto, AxisType.Explicit])
def test_meshes_of_every_kind(kind, check_vma):
    def body(v):
        a = pf.tag(jax.nn.softplus(v), "a")
        return pf.tag(a * (1 - jnp.zeros_like(a)) + jnp.ones(3), "b")

    specs = P("i") if kind is AxisType.Auto else P()
    fn = sharded(body, kind=kind, check_vma=check_vma, in_specs=specs, out_specs=specs)
    result = influences(lambda x: fn(x).sum())
    np.testing.assert_allclose(result["x a b output"], (jax.nn.sigmoid(X) * X).sum(), rtol=1e-12)


def test_a_rule_of_its_own_that_has_an_integer():
    @jax.custom_jvp
    def power(v, n):
        return lax.psum(v ** n.astype(v.dtype), "i")

    power.defjvps(lambda dv, out, v, n: lax.psum(5 * dv * v, "i"), None)

    def body(v):
        return power(pf.tag(jnp.sin(v), "a"), jnp.int32(2) + lax.axis_index("j"))

    result = influences(lambda x: sharded(body)(x).sum())
    np.testing.assert_allclose(result.total, (5 * jnp.sin(X) * jnp.cos(X) * X).sum(), rtol=1e-12)
    assert result.audit.ok


def test_what_a_call_inside_closes_over():
    """Its constants have a place in a rematerialised call and in a loop of the body."""
    w = np.array([0.5, 2.0, -1.0])

    @jax.checkpoint
    def step(v):
        return jax.jit(lambda u: pf.tag(jnp.sin(u) * w, "s"))(v)

    def body(v):
        return lax.scan(lambda c, _: (lax.psum(step(c), "i"), None), v, None, length=2)[0]

    def plain(x):
        return (jnp.sin(jnp.sin(x) * w) * w).sum()

    result = influences(lambda x: jax.jit(sharded(body))(x).sum())
    np.testing.assert_allclose(
        result["x s@0 s@1 output"], jax.jvp(plain, (X,), (X,))[1], rtol=1e-12
    )


def test_decisions_inside_name_their_line():
    def body(v):
        return lax.cond(v.sum() > 0, lambda v: pf.tag(v * 2, "p"), lambda v: v, v)

    traced = pf.trace(lambda x: sharded(body)(x).sum(), X + 5)
    with pytest.raises(pf.DecisionChangedError, match=r"cond at \S*test_unshard.py:\d+"):
        pf.attribute(traced, (X - 5,), source="x", doi=pf.Point())


def test_around_another_it_stays_whole():
    inner = jax.shard_map(jnp.sin, in_specs=P("j"), out_specs=P("j"), axis_names={"j"})
    fn = sharded(lambda v: inner(pf.tag(v * 2, "a")), axis_names={"i"})

    with pytest.warns(UserWarning, match="shard_map holds tags"):
        traced = pf.trace(lambda x: pf.tag(fn(x), "b").sum(), X)
    assert [str(n) for n in traced.nodes] == ["x", "b", "output"]


def test_on_two_devices_it_stays_whole():
    """In a process of its own, because the number of devices is fixed when JAX begins."""
    script = """
        import warnings
        import jax, jax.numpy as jnp, numpy as np
        from jax import lax
        from jax.sharding import AxisType, PartitionSpec as P
        import pathflow as pf

        mesh = jax.make_mesh((2,), ("i",), axis_types=(AxisType.Auto,))
        body = lambda v: lax.psum(pf.tag(v * v, "inside"), "i")
        mapped = jax.shard_map(body, mesh=mesh, in_specs=P("i"), out_specs=P())
        fn = lambda x: pf.tag(mapped(pf.tag(2 * x, "a")), "b").sum()
        x = jnp.arange(1.0, 5.0)
        with warnings.catch_warnings(record=True) as found:
            warnings.simplefilter("always")
            traced = pf.trace(fn, x)
        assert any("shard_map holds tags" in str(w.message) for w in found), found
        assert [str(n) for n in traced.nodes] == ["x", "a", "b", "output"], traced.nodes
        result = pf.attribute(traced, (x,), source="x", doi=pf.Point())
        np.testing.assert_allclose(result.total, 8 * float((x * x).sum()), rtol=1e-5)
        print("two", jax.device_count(), result.audit.ok)
    """
    env = os.environ | {
        "XLA_FLAGS": "--xla_force_host_platform_device_count=2",
        "JAX_PLATFORMS": "cpu",
    }
    run = [sys.executable, "-c", dedent(script)]
    done = subprocess.run(run, env=env, capture_output=True, text=True, check=False)
    assert done.stdout == "two 2 True\n", done.stderr
