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
        (
            lambda g: pf.do(g, (_X,), {"h": pf.Fix(None)}),
            pf.ArgumentError,
            r"Fix\(value=None\) of node 'h' is no array; give one of shape \(2,\)",
        ),
        (
            lambda g: pf.do(g, (_X,), {"h": pf.Apply(None)}),
            pf.ArgumentError,
            r"Apply\(function=None\) takes a function",
        ),
        (
            lambda g: pf.do(g, (_X,), {"h": pf.Apply(lambda h: None)}),
            pf.ArgumentError,
            r"what Apply\(function\) returned for node 'h' is None, which is no array",
        ),
        (
            lambda g: pf.faithfulness(g, (_X,), 5),
            pf.ArgumentError,
            r"faithfulness\(ranking=5\) takes several nodes or paths; give a list",
        ),
        *(
            (
                lambda g, sizes=sizes: pf.faithfulness(g, (_X,), ["h", "g"], sizes=sizes),
                pf.ArgumentError,
                r"faithfulness\(sizes=.*\) takes a list of ascending numbers from 0 to 2",
            )
            for sizes in (2, [0, 1.5], [True], [None], [])
        ),
        (
            lambda g: pf.activations(g, (_X,), interventions={"k": 0.0}),
            pf.ArgumentError,
            r"activations\(interventions\): 'k' matches no node",
        ),
        (
            lambda g: pf.activations(g, (_X,), interventions={"h": "zero"}),
            pf.ArgumentError,
            r"activations\(interventions=...\) holds 'zero'",
        ),
        (
            lambda g: pf.activations(g, (_X,), interventions=[("h", 0.0)]),
            pf.ArgumentError,
            r"activations\(interventions=.* takes interventions under steps",
        ),
        (lambda g: pf.activations(g, (_X,), 3), pf.UnknownNodeError, "no node 3: a node is named"),
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


@pytest.mark.parametrize(
    "of",
    [
        lambda v: v,
        pf.Fix,
        lambda v: pf.OtherInput((v,)),
        lambda v: pf.Mean((v[None],)),
    ],
)
def test_an_intervention_that_is_being_traced(graph, of):
    def ask(value):
        return pf.do(graph, (_X,), {"h": of(value)})

    said = r"do\(interventions=...\) holds traced values; call it outside jit, vmap and grad"
    for transformed, given in ((jax.grad(ask), _X), (jax.vmap(ask), _MANY)):
        with pytest.raises(pf.ArgumentError, match=said):
            transformed(given)
    with pytest.raises(pf.ArgumentError, match="do is called inside jit"):
        jax.jit(ask)(_X)


def test_a_function_that_closes_over_what_is_being_traced(graph):
    def ask(value):
        return pf.do(graph, (_X,), {"h": pf.Apply(lambda h: h + value)})

    for transformed, given in ((jax.grad(ask), _X), (jax.vmap(ask), _MANY)):
        with pytest.raises(pf.ArgumentError, match=r"interventions=...\) holds traced values"):
            transformed(given)
    with pytest.raises(pf.ArgumentError, match="do is called inside jit, .* call it outside"):
        jax.jit(ask)(_X)


def test_what_is_traced_names_who_asked(graph):
    @jax.vmap
    def held(value):
        return pf.activations(graph, (_X,), interventions={"h": value})

    @jax.vmap
    def curve(value):
        return pf.faithfulness(graph, (_X,), ["h"], instead=pf.Fix(value)).kept

    with pytest.raises(pf.ArgumentError, match=r"activations\(interventions=...\) holds traced"):
        held(_MANY)
    with pytest.raises(pf.ArgumentError, match=r"faithfulness\(instead=...\) holds traced"):
        curve(_MANY)


def test_several_outputs_need_a_target_and_the_message_names_who_asked():
    graph = pf.trace(lambda x: (pf.tag(x, "a").sum(), x.sum()), _X)
    with pytest.raises(pf.ArgumentError, match=r"faithfulness\(target=None\): the function"):
        pf.faithfulness(graph, (_X,), ["a"], instead=pf.Zero())
    with pytest.raises(pf.ArgumentError, match=r"do\(target=None\): the function"):
        pf.do(graph, (_X,), {"a": 0.0})


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


class TestArgumentsThatDecideOtherwise:
    """The graph is of another branch, so that whatever is evaluated on it is another function."""

    P = jnp.array([1.0, 2.0])
    N = -P

    @pytest.fixture
    def graph(self):
        def fn(x):
            ways = lambda v: pf.tag(v * 2, "a").sum(), lambda v: pf.tag(v**2, "a").sum()
            return jax.lax.cond(x.sum() > 0, *ways, x)

        return pf.trace(fn, self.P)

    @pytest.mark.parametrize(
        "ask",
        [
            lambda g, p, n: pf.do(g, (n,), {}),
            lambda g, p, n: pf.do(g, (n,), {"a": 1.0}),
            lambda g, p, n: pf.do(g, (n,), {"x": pf.Apply(lambda v: 2 * v)}),
            lambda g, p, n: pf.do(g, (jnp.stack([p, n]),), {}, in_axes=0),
            lambda g, p, n: pf.activations(g, (n,)),
            lambda g, p, n: pf.activations(g, (n,), ["x"]),
            lambda g, p, n: pf.do(g, (p,), {"a": pf.OtherInput((n,))}),
            lambda g, p, n: pf.do(g, (p,), {"a": pf.Mean((jnp.stack([p, n]),))}),
            lambda g, p, n: pf.do(g, (n,), {"x": 1.0}, along=".*"),
            lambda g, p, n: pf.do(g, (p,), {"x": pf.OtherInput((n,))}, along=".*"),
            lambda g, p, n: pf.faithfulness(g, (n,), ["a"], instead=pf.Zero()),
        ],
    )
    def test_are_refused(self, graph, ask):
        with pytest.raises(pf.DecisionChangedError, match="retrace"):
            ask(graph, self.P, self.N)

    def test_in_a_loop(self):
        def fn(x):
            return jax.lax.while_loop(lambda s: s.sum() < 10, lambda s: pf.tag(s * 2, "w"), x).sum()

        graph = pf.trace(fn, self.P)
        assert pf.do(graph, (self.P,), {}) == fn(self.P)
        with pytest.raises(pf.DecisionChangedError):
            pf.do(graph, (4 * self.P,), {})

    def test_what_an_intervention_makes_right_is_not_refused(self, graph):
        # Under it the graph is that of the function.
        assert pf.do(graph, (self.N,), {"x": pf.Fix(self.P)}) == 6.0
        assert pf.do(graph, (self.P,), {"a": pf.Mean((jnp.stack([self.P, 3 * self.P]),))}) == 12.0


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
