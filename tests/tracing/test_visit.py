"""Evaluating a function as it is, with something done at its tags."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from jax import lax

import pathflow as pf
from pathflow._compat import sub_jaxprs
from pathflow.tracing import Substitution, TagVisitor, make_program, tagged
from tests.helpers import forget_many, programs

X = jnp.array([0.3, -1.2, 0.7])


def program(fn, *args):
    return make_program(fn, args, None, tagged(), None, "test")[0]


def primitives(jaxpr):
    """The names of all primitives, those inside others included."""
    for eqn in jaxpr.eqns:
        yield eqn.primitive.name
        for inner in sub_jaxprs(eqn.params):
            yield from primitives(inner)


def step(c, _=None):
    return pf.tag(jnp.sin(c), "s"), None


def looped(x):
    return lax.scan(jax.checkpoint(step), x, None, length=4)[0].sum()


@given(programs())
@settings(max_examples=settings().max_examples // 6)
def test_nothing_done_is_the_function_itself(program_):
    args = program_.args()
    traced = program(program_.function(), *args)
    leaves = jax.tree.leaves(args)
    handlers = {s.site: lambda visit, state: (visit.value, state + 1) for s in traced.sites}
    (out,), _ = TagVisitor(handlers).run(traced.jaxpr, leaves, jnp.int32(0))
    np.testing.assert_allclose(out, program_.function()(*args), rtol=1e-12)
    forget_many()


def test_a_state_goes_from_tag_to_tag():
    def fn(x):
        x, _ = lax.scan(step, x, None, length=4)
        x = lax.cond(x[0] > -9, lambda v: step(step(v)[0])[0], lambda v: v, x)
        return lax.while_loop(lambda c: c.sum() > 0.3, lambda c: step(c * 0.5)[0], x).sum()

    traced = program(fn, X + 1)
    handlers = {s.site: lambda visit, state: (visit.value, state + 1) for s in traced.sites}
    _, visits = TagVisitor(handlers).run(traced.jaxpr, [X + 1], jnp.int32(0))
    graph = pf.trace(fn, X + 1)
    assert visits == sum(node.name.startswith("s") for node in graph.nodes)


@pytest.mark.parametrize("reverse", [False, True])
def test_iterations_and_what_is_given_for_them(reverse):
    def fn(x):
        def outer(c, _):
            return lax.scan(step, c, None, length=3, reverse=reverse)[0], None

        return lax.scan(outer, x, None, length=2)[0].sum()

    traced = program(fn, X)
    (site,) = traced.sites
    assert site.lengths == (2, 3)
    given_ = jnp.arange(6.0).reshape(2, 3)

    def handle(visit, state):
        i, j = visit.at
        return visit.value, state.at[i, j].set(visit.given)

    visitor = TagVisitor({site.site: handle})
    _, seen = visitor.run(traced.jaxpr, [X], jnp.zeros((2, 3)), {site.site: given_})
    np.testing.assert_array_equal(seen, given_)


def test_loops_and_rematerialised_calls_stay():
    traced = program(looped, X)
    value = Substitution(traced, (), pf.Node("s", (2,), (3,), "float64"))
    jaxpr = jax.make_jaxpr(lambda x: value([x], [], ()))(X)
    names = list(primitives(jaxpr.jaxpr))
    assert names.count("scan") == 1
    assert names.count("sin") == 1
    assert {"checkpoint", "remat", "remat2"} & set(names)


def test_what_holds_no_such_tag_is_one_equation():
    def fn(x):
        y = jax.jit(lambda v: lax.scan(lambda c, _: (jnp.sin(c), None), v, None, length=3)[0])(x)
        return pf.tag(y, "y").sum()

    traced = program(fn, X)
    value = Substitution(traced, (), traced.node("y"))
    jaxpr = jax.make_jaxpr(lambda x: value([x], [], ())[0])(X)
    assert sum(eqn.primitive.name in ("jit", "pjit") for eqn in jaxpr.jaxpr.eqns) >= 1
    np.testing.assert_allclose(value([X], [], ())[0], jnp.sin(jnp.sin(jnp.sin(X))))
