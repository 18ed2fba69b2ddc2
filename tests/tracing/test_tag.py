"""A tag is an identity under every transformation, and a node of the graph under each of them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.ad_checkpoint import checkpoint_name

import pathflow as pf
from pathflow.tracing._tag import allowed_name

X = jnp.array([0.3, -1.2, 0.7])


def labels(fn, *args, **kwargs):
    return [str(node) for node in pf.trace(fn, *args, **kwargs).nodes]


def plain(x):
    return jnp.sin(x) * x


def marked(x):
    return pf.tag(jnp.sin(x), "s") * x


@pytest.mark.parametrize(
    "transform",
    [
        pytest.param(jax.jit, id="jit"),
        pytest.param(jax.checkpoint, id="remat"),
        pytest.param(lambda f: jax.grad(lambda x: f(x).sum()), id="grad"),
        pytest.param(jax.jacfwd, id="jacfwd"),
        pytest.param(jax.jacrev, id="jacrev"),
        pytest.param(jax.hessian, id="hessian"),
        pytest.param(lambda f: jax.vmap(lambda v: f(v[None])[0]), id="vmap"),
        pytest.param(lambda f: lambda x: lax.scan(lambda c, v: (c, f(v)), 0.0, x)[1], id="scan"),
        pytest.param(lambda f: lambda x: lax.map(f, x), id="map"),
        pytest.param(lambda f: lambda x: lax.fori_loop(0, 3, lambda _, v: f(v), x), id="fori"),
        pytest.param(lambda f: lambda x: lax.cond(x[0] > 0, f, lambda v: v, x), id="cond"),
        pytest.param(lambda f: lambda x: jax.linearize(f, x)[1](x), id="linearize"),
        pytest.param(lambda f: lambda x: jax.vjp(f, x)[1](x)[0], id="vjp"),
        pytest.param(lambda f: jax.jit(jax.grad(jax.checkpoint(lambda x: f(x).sum()))), id="all"),
    ],
)
def test_values_are_those_of_the_untagged_function(transform):
    np.testing.assert_array_equal(transform(marked)(X), transform(plain)(X))


def test_a_tag_compiles_to_nothing():
    texts = [jax.jit(fn).lower(X).as_text() for fn in (marked, plain)]
    assert texts[0].replace("marked", "plain") == texts[1]


@pytest.mark.parametrize("wrap", [jax.jit, jax.checkpoint, lambda f: jax.jit(jax.jit(f))])
def test_calls_are_looked_into(wrap):
    assert labels(wrap(marked), X) == ["x", "s", "output"]


def test_a_vmapped_tag_is_the_whole_batch():
    traced = pf.trace(jax.vmap(lambda x: pf.tag(x**2, "s").sum()), jnp.ones((4, 3)))
    assert traced.node("s").shape == (4, 3)


def test_each_leaf_of_a_pytree_is_a_node():
    def fn(x):
        state = pf.tag({"c": x, "h": (x * 2, x * 3)}, "state")
        return state["c"].sum() + state["h"][1].sum()

    assert labels(fn, X) == ["x", "state.c", "state.h.0", "state.h.1", "output"]


def test_checkpoint_names_are_tags():
    assert labels(lambda x: checkpoint_name(x * 2, "named").sum(), X) == ["x", "named", "output"]


def test_a_derivative_has_the_nodes_of_the_function():
    assert labels(jax.grad(lambda x: marked(x).sum()), X) == ["x", "s", "output"]


def test_a_tag_of_a_tag_is_two_nodes():
    traced = pf.trace(lambda x: pf.tag(pf.tag(x * 2, "a"), "b").sum(), X)
    assert [tuple(map(str, edge)) for edge in traced.edges] == [
        ("x", "a"),
        ("a", "b"),
        ("b", "output"),
    ]


def test_only_what_reads_the_tag_passes_the_node():
    def fn(x):
        y = x * 2
        return pf.tag(y, "y").sum() + y.sum()

    assert pf.trace(fn, X).count_paths("x", "output") == 2


def test_a_tag_that_nothing_reads_is_a_node_without_successors():
    def fn(x):
        pf.tag(x * 2, "unread")
        return pf.tag(x * 3, "read").sum()

    traced = pf.trace(fn, X)
    assert traced.graph.successors(traced.node("unread")) == ()
    assert traced.count_paths("x", "output") == 1


def test_the_output_may_be_a_tag():
    traced = pf.trace(lambda x: pf.tag(x.sum(), "total"), X)
    assert list(map(str, traced.nodes)) == ["x", "total"]
    assert str(traced.default_target) == "total"


class TestRepeatedNames:
    def test_places_are_numbered(self):
        def fn(x):
            return pf.tag(pf.tag(x * 2, "a") + pf.tag(x * 3, "a"), "a").sum()

        assert labels(fn, X) == ["x", "a", "a#1", "a#2", "output"]

    def test_a_place_in_a_loop_keeps_its_number(self):
        def step(c, _):
            return pf.tag(pf.tag(c * 2, "a") * 3, "a"), None

        found = labels(lambda x: lax.scan(step, x, None, length=2)[0].sum(), X)
        assert found == ["x", "a@0", "a#1@0", "a@1", "a#1@1", "output"]

    def test_a_loop_and_its_surroundings_do_not_clash(self):
        def fn(x):
            y = pf.tag(x * 2, "a")
            return lax.scan(lambda c, _: (pf.tag(c * 2, "a"), None), y, None, length=2)[0].sum()

        assert labels(fn, X) == ["x", "a", "a@0", "a@1", "output"]

    def test_two_loops_are_two_places(self):
        def loop(x):
            return lax.scan(lambda c, _: (pf.tag(c * 2, "a"), None), x, None, length=2)[0]

        found = labels(lambda x: loop(loop(x)).sum(), X)
        assert found == ["x", "a@0", "a@1", "a#1@0", "a#1@1", "output"]

    def test_a_jitted_function_called_twice_is_two_places(self):
        inner = jax.jit(lambda x: pf.tag(jnp.sin(x), "a"))
        assert labels(lambda x: inner(inner(x)).sum(), X) == ["x", "a", "a#1", "output"]

    def test_a_tag_named_like_an_input_is_told_from_it(self):
        traced = pf.trace(lambda x: pf.tag(x * 2, "x").sum(), X)
        assert len({str(node) for node in traced.nodes}) == 3
        assert traced.count_paths("x", "output") == 1


@pytest.mark.parametrize("name", ["", "a b", "a@1", "a#1", "a*", "(a)", "a|b", "a~"])
def test_names_that_labels_and_patterns_use_are_refused(name):
    with pytest.raises(pf.TraceError, match="name"):
        pf.tag(X, name)


UNSEEN = [
    "a\0b",
    "\x1b[31m",
    "a\u202eb",
    "\u2066a",
    "a\u200bb",
    "\ufeffa",
    "\ud800",
    "a\x7f",
    "a\xad",
]


@pytest.mark.parametrize("name", [*UNSEEN, "a\u2028b", "a\u2029b", "a\x85b"])
def test_names_that_are_not_seen_as_they_are_are_refused(name):
    with pytest.raises(pf.TraceError, match="which cannot stand in a name") as error:
        pf.tag(X, name)
    # The message is safe to print.
    assert str(error.value).isprintable()


@pytest.mark.parametrize("key", UNSEEN)
def test_keys_of_a_tagged_tree_are_held_to_the_same(key):
    with pytest.raises(pf.GraphError, match="which is not seen"):
        labels(lambda x: pf.tag({key: x * 2}, "a")[key].sum(), X)


@pytest.mark.parametrize("name", UNSEEN)
def test_names_that_are_made_have_nothing_unseen(name):
    assert pf.Node(allowed_name(name)).name.isprintable()


@pytest.mark.parametrize("name", ["lstm0.c", "block/attn", "h_1", "w[2]", "résidu"])
def test_names_of_modules_are_allowed(name):
    assert labels(lambda x: pf.tag(x * 2, name).sum(), X) == ["x", name, "output"]
