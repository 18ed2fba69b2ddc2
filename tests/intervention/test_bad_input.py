"""What `do` refuses, and what it says."""

import jax
import jax.numpy as jnp
import pytest

import pathflow as pf

pytestmark = pytest.mark.usefixtures("unchecked")


def _fn(x):
    h = pf.tag(jnp.tanh(x), "h")
    return jnp.sum(pf.tag(h * 2, "g"))


_X = jnp.array([0.1, 0.2])
_MANY = jnp.ones((3, 2))


@pytest.fixture(scope="module")
def graph():
    return pf.trace(_fn, _X)


@pytest.mark.parametrize(
    ("ask", "error", "said"),
    [
        (lambda g: pf.do(_fn, (_X,), {}), pf.ArgumentError, r"do\(graph=...\) takes what"),
        (lambda g: pf.activations(_fn, (_X,)), pf.ArgumentError, r"activations\(graph=...\) takes"),
        (
            lambda g: pf.faithfulness(_fn, (_X,), ["h"]),
            pf.ArgumentError,
            r"faithfulness\(graph=...\) takes",
        ),
        (lambda g: pf.faithfulness(g, (_X,), "h g"), pf.ArgumentError, "give a list"),
        (lambda g: pf.do(g, (_X,), pf.Keep(3)), pf.ArgumentError, r"Keep\(steps\)=3 takes a step"),
        (lambda g: pf.do(g, (_X,), [("h", 0.0)]), pf.ArgumentError, "under steps"),
        (lambda g: pf.do(g, (_X,), {"h": "zero"}), pf.ArgumentError, r"holds 'zero'; give an arr"),
        (lambda g: pf.do(g, (_X,), {"k": 0.0}), pf.ArgumentError, "'k' matches no node; there are"),
        (lambda g: pf.do(g, (_X,), {"h": 0.0, "*": 1.0}), pf.ArgumentError, "matched by several"),
        (lambda g: pf.do(g, (_X,), {"h@": 0.0}), pf.PatternError, "an index is a number"),
        (lambda g: pf.do(g, (_X,), {pf.Node("k"): 0.0}), pf.UnknownNodeError, "k"),
        (lambda g: pf.do(g, (_X,), {"h": jnp.ones(3)}), pf.ShapeError, r"has shape \(3,\)"),
        (
            lambda g: pf.do(g, (_X,), {"h": jnp.ones(2, jnp.float32)}),
            pf.ShapeError,
            "dtype float32; the node holds .* of float64",
        ),
        (
            lambda g: pf.do(g, (_X,), {"h": jnp.ones((3, 2))}),
            pf.ShapeError,
            r"the node holds \(2,\) of float64\.",
        ),
        (
            lambda g: pf.do(g, (_MANY,), {"h": jnp.ones((4, 2))}, in_axes=0),
            pf.ShapeError,
            r"or \(3, 2\) with one per example",
        ),
        (
            lambda g: pf.do(g, (_X,), {"h": pf.Apply(lambda h: h[:1])}),
            pf.ShapeError,
            r"Apply\(function\) for node 'h' has shape \(1,\)",
        ),
        (lambda g: pf.do(g, (_X,), {"h": pf.Mean()}), pf.ArgumentError, "there is one; give exam"),
        (
            lambda g: pf.do(g, (_X[None],), {"h": pf.Resample(jax.random.key(0))}, in_axes=0),
            pf.ArgumentError,
            "there is only one; give more",
        ),
        (
            lambda g: pf.do(
                g, (_MANY,), {"h": pf.OtherInput((jnp.ones((4, 2)),), in_axes=0)}, in_axes=0
            ),
            pf.ShapeError,
            "holds 4 examples, but 3 is asked about",
        ),
        (
            lambda g: pf.do(g, (_X,), {"h": pf.OtherInput((jnp.ones(3),))}),
            pf.ShapeError,
            "OtherInput: .* has shape",
        ),
        (
            lambda g: pf.do(g, (_MANY,), {"h": pf.Resample(0)}, in_axes=0),
            pf.ArgumentError,
            r"Resample\(key=0\) takes one random key",
        ),
        (lambda g: pf.do(g, None, {}), pf.ArgumentError, r"do\(args=...\) takes the tuple"),
        (
            lambda g: pf.activations(g, 1.0),
            pf.ArgumentError,
            r"activations\(args=...\) takes the tuple of .* got float",
        ),
        (
            lambda g: pf.do(g, (_X,), {}, target=["output"]),
            pf.UnknownNodeError,
            r"no node \['output'\]: a node is named by its label",
        ),
        (lambda g: pf.do(g, (_X,), {"h": jnp.nan}), pf.NonFiniteError, "node 'h' is NaN"),
        (lambda g: pf.do(g, (_X,), {"h": 0.0}, target="q"), pf.UnknownNodeError, "q"),
        (lambda g: pf.do(g, (_MANY,), {"h": 0.0}), pf.ShapeError, "in_axes="),
        (
            lambda g: pf.do(g, (_X,), {"h": 0.0}, along=".*", sparing=".*"),
            pf.ArgumentError,
            "give one of them",
        ),
        (lambda g: pf.do(g, (_X,), {"h": 0.0}, along="x .*"), pf.NoPathError, "matches no path"),
        (
            lambda g: pf.do(g, (_X,), {"h": 0.0}, along=["x h g output"]),
            pf.NoPathError,
            "begin at a node that is intervened on",
        ),
        (lambda g: pf.do(g, (_X,), {"h": 0.0}, along=3), pf.ArgumentError, "along=3"),
        (lambda g: pf.do(g, (_X,), {}, along=".*"), pf.ArgumentError, "no node is intervened on"),
        (lambda g: pf.do(g, (_X,), {"h": 0.0}, sparing=["h k"]), pf.UnknownNodeError, "k"),
        (
            lambda g: jax.jit(lambda x: pf.do(g, (x,), {"h": 0.0}))(_X),
            pf.ArgumentError,
            "holds traced values",
        ),
    ],
)
def test_refusals_say_what_came_and_what_to_do(graph, ask, error, said):
    with pytest.raises(error, match=said):
        ask(graph)


def test_a_mean_of_integers_is_no_value():
    def fn(x):
        k = pf.tag(jnp.argmax(x), "k")
        return pf.tag(x * 2, "h")[k]

    graph = pf.trace(fn, _X)
    with pytest.raises(pf.ArgumentError, match="'k': it holds int"):
        pf.do(graph, (_MANY,), {"k": pf.Mean()}, in_axes=0)
    with pytest.raises(pf.ArgumentError, match="'k': it holds int.* give an integer"):
        pf.do(graph, (_X,), {"k": 0.5})
    assert pf.do(graph, (_X,), {"k": jnp.argmin(_X)}) == 0.2


def test_a_decision_that_falls_otherwise():
    def fn(x):
        h = pf.tag(x * 2, "h")
        return jax.lax.cond(h[0] > 0, lambda: pf.tag(h * 3, "a"), lambda: pf.tag(-h, "b")).sum()

    graph = pf.trace(fn, _X)
    with pytest.raises(pf.DecisionChangedError):
        pf.do(graph, (_X,), {"h": -jnp.ones(2)})
    # Along paths the branch stays the one that was taken.
    found = pf.do(graph, (_X,), {"h": -jnp.ones(2)}, along=".*")
    assert found == -6.0
