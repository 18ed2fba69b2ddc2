"""What `attribute` refuses, and what it says: the argument, what came, and the remedy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import pathflow as pf

X = jnp.array([0.3, -1.2, 0.7])
LINE = pf.Line(jnp.zeros(3))


def fn(x):
    hidden = pf.tag(jnp.tanh(2 * x), "hidden")
    pf.tag(jnp.sum(x), "aside")
    return pf.tag(hidden**2, "squares").sum()


@pytest.fixture(scope="module")
def traced():
    return pf.trace(fn, X)


def test_an_unknown_source(traced):
    with pytest.raises(pf.UnknownNodeError, match=r"hiden.*hidden"):
        pf.attribute(traced, (X,), source="hiden", doi=LINE)


def test_an_unknown_target(traced):
    with pytest.raises(pf.UnknownNodeError, match="outputs.*output"):
        pf.attribute(traced, (X,), source="x", target="outputs", doi=LINE)


def test_a_source_that_cannot_reach_the_target(traced):
    with pytest.raises(pf.NoPathError, match="aside.*output"):
        pf.attribute(traced, (X,), source="aside", doi=pf.Point())


def test_one_of_several_sources_that_cannot_reach_the_target(traced):
    doi = pf.Point()
    with pytest.raises(pf.NoPathError, match=r"x .*source"):
        pf.attribute(traced, (X,), source=("x", "hidden"), doi=doi)


def test_a_source_given_twice(traced):
    with pytest.raises(pf.GraphError, match="hidden"):
        pf.attribute(traced, (X,), source=("hidden", "hidden"), doi=pf.Point())


def test_no_source(traced):
    with pytest.raises(pf.GraphError, match="source"):
        pf.attribute(traced, (X,), source=(), doi=pf.Point())


def test_a_source_that_is_the_target(traced):
    with pytest.raises(pf.GraphError, match="output.*source"):
        pf.attribute(traced, (X,), source="output", doi=pf.Point())


def test_a_target_that_is_no_scalar(traced):
    with pytest.raises(pf.ShapeError, match=r"squares.*scalar.*\(3,\).*qoi"):
        pf.attribute(traced, (X,), source="x", target="squares", doi=LINE)


def test_an_output_that_is_no_scalar():
    traced = pf.trace(lambda x: pf.tag(x, "a") * 2, X)
    with pytest.raises(pf.ShapeError, match=r"output.*scalar.*\(3,\)"):
        pf.attribute(traced, (X,), source="x", doi=LINE)


def test_several_outputs_need_a_target():
    traced = pf.trace(lambda x: (pf.tag(x, "a").sum(), x.sum()), X)
    with pytest.raises(pf.ArgumentError, match=r"target=None.*returns 2 values"):
        pf.attribute(traced, (X,), source="x", doi=LINE)
    assert pf.attribute(traced, (X,), source="x", target="output.0", doi=LINE).audit.ok


class TestNotDifferentiable:
    @pytest.mark.parametrize(
        ("blocker", "word"),
        [
            (lax.stop_gradient, "stop_gradient"),
            (lambda a: jax.nn.one_hot(jnp.argmax(a), 3, dtype=a.dtype), "integer"),
            (lambda a: jnp.where(a > 0, 1.0, 2.0), "comparison"),
            (lambda a: a.astype(jnp.int32).astype(a.dtype), "integer"),
        ],
    )
    def test_the_only_way_is_blocked(self, blocker, word):
        traced = pf.trace(lambda x: pf.tag(blocker(pf.tag(x * 2, "a")), "b").sum(), X)
        with pytest.raises(
            pf.NotDifferentiableError, match=f"'x' reaches target 'output' .*{word}.*a -> b"
        ):
            pf.attribute(traced, (X,), source="x", doi=LINE)

    def test_an_integer_source(self):
        def fn(x):
            best = pf.tag(jnp.argmax(x), "best")
            return pf.tag(x * 2, "a")[best]

        traced = pf.trace(fn, X)
        with pytest.raises(pf.NotDifferentiableError, match="best.*int"):
            pf.attribute(traced, (X,), source="best", doi=pf.Point())

    def test_an_integer_target(self):
        traced = pf.trace(lambda x: pf.tag(jnp.argmax(pf.tag(x * 2, "a")), "best"), X)
        with pytest.raises(pf.NotDifferentiableError, match="best.*int"):
            pf.attribute(traced, (X,), source="x", target="best", doi=LINE)


class TestNotFinite:
    def fn(self, x, params):
        a = pf.tag(jnp.log(x), "logs")
        return pf.tag(a * params["scale"], "scaled").sum()

    def test_a_nan_names_the_node_where_it_arises(self):
        params = {"scale": jnp.ones(3)}
        traced = pf.trace(self.fn, X, params)
        with pytest.raises(pf.NonFiniteError, match="'?logs") as error:
            pf.attribute(traced, (X, params), source="x", doi=pf.Point())
        assert "scaled" not in str(error.value)

    def test_a_nan_in_the_context(self):
        params = {"scale": jnp.array([1.0, jnp.nan, 1.0])}
        traced = pf.trace(self.fn, X, params)
        with pytest.raises(pf.NonFiniteError, match="'?scaled"):
            pf.attribute(traced, (jnp.abs(X), params), source="x", doi=pf.Point())

    def test_a_nan_that_only_one_example_has(self):
        params = {"scale": jnp.ones(3)}
        traced = pf.trace(self.fn, X, params)
        batch = jnp.stack([jnp.abs(X), X])
        with pytest.raises(pf.NonFiniteError, match="'?logs"):
            pf.attribute(traced, (batch, params), source="x", doi=pf.Point(), in_axes=(0, None))

    def test_an_infinite_derivative_of_a_finite_value(self):
        """`sqrt` at 0 is 0, with slope infinity."""
        traced = pf.trace(lambda x: pf.tag(jnp.sqrt(pf.tag(x, "a")), "roots").sum(), X)
        with pytest.raises(pf.NonFiniteError):
            pf.attribute(traced, (jnp.zeros(3),), source="x", doi=pf.Point(direction=jnp.ones(3)))

    def test_a_quantity_of_interest_outside_the_output(self):
        traced = pf.trace(lambda x: pf.tag(x * 2, "a"), X, qoi=pf.Logit(1))
        with pytest.raises(pf.NonFiniteError, match=r"'qoi'.*index of the quantity"):
            pf.attribute(traced, (X,), source="x", doi=LINE, qoi=pf.Logit(7))


class TestShapes:
    @pytest.mark.parametrize(
        ("doi", "name"),
        [
            (pf.Line(jnp.zeros(4)), "baseline"),
            (pf.Line(0.0), "baseline"),
            (pf.Line(jnp.zeros(3, jnp.float32)), "baseline"),
            (pf.Line((jnp.zeros(3), jnp.zeros(3))), "baseline"),
            (pf.Point(direction=jnp.zeros(2)), "direction"),
            (pf.Samples(jnp.zeros((5, 4))), "values"),
            (pf.Samples(jnp.zeros((5, 3)), weights=jnp.ones(4) / 4), "weights"),
            (pf.Gaussian(jnp.ones(2), 3, jax.random.key(0)), "std"),
        ],
    )
    def test_of_the_distribution_of_interest(self, traced, doi, name):
        with pytest.raises(pf.ShapeError, match=name):
            pf.attribute(traced, (X,), source="x", doi=doi)

    def test_a_baseline_that_does_not_fit_tells_both_shapes(self, traced):
        with pytest.raises(pf.ShapeError, match=r"\(4,\).*\(3,\)"):
            pf.attribute(traced, (X,), source="x", doi=pf.Line(jnp.zeros(4)))

    def test_several_sources_take_several_baselines(self):
        traced = pf.trace(lambda x, y: pf.tag(x * y, "a").sum(), X, X)
        with pytest.raises(pf.ShapeError, match="baseline"):
            pf.attribute(traced, (X, X), source=("x", "y"), doi=LINE)

    def test_arguments_of_another_shape_than_traced(self, traced):
        with pytest.raises(pf.ShapeError, match=r"\(4,\).*\(3,\).*trace again"):
            pf.attribute(traced, (jnp.zeros(4),), source="x", doi=LINE)

    def test_arguments_of_another_dtype_than_traced(self, traced):
        with pytest.raises(pf.ShapeError, match=r"float32.*float64"):
            pf.attribute(traced, (X.astype(jnp.float32),), source="x", doi=LINE)

    @pytest.mark.parametrize("number", [1.9, 2.0, np.float64(1.7), 2**40])
    def test_a_number_that_the_traced_dtype_does_not_hold(self, number):
        def fn(x, k):
            return pf.tag(x * k.astype(x.dtype), "a").sum()

        traced = pf.trace(fn, X, np.int32(1))
        for ask in (
            lambda: pf.attribute(traced, (X, number), source="x", doi=LINE),
            lambda: pf.do(traced, (X, number), {}),
            lambda: traced.retrace(X, number),
        ):
            with pytest.raises(pf.ShapeError, match=r"int32|float"):
                ask()
        graph = pf.trace(lambda x: pf.tag(jnp.tanh(x), "h"), X, qoi=pf.Logit(np.int32(0)))
        with pytest.raises(pf.ShapeError, match=r"qoi.*traced with int32"):
            pf.attribute(graph, (X,), source="x", doi=LINE, qoi=pf.Logit(number))

    def test_a_truth_value_is_no_number(self):
        traced = pf.trace(lambda x, k: pf.tag(x * jnp.asarray(k, x.dtype), "a").sum(), X, 1)
        for ask in (
            lambda: pf.attribute(traced, (X, True), source="x", doi=LINE),
            lambda: traced.retrace(X, True),
        ):
            with pytest.raises(pf.ShapeError, match="bool"):
                ask()

    def test_arguments_of_another_structure_than_traced(self):
        traced = pf.trace(lambda x, p: pf.tag(x * p["w"], "a").sum(), X, {"w": X})
        with pytest.raises(pf.ShapeError, match="structure"):
            pf.attribute(traced, (X, {"v": X}), source="x", doi=LINE)

    def test_too_few_arguments(self, traced):
        with pytest.raises(pf.ShapeError, match="args"):
            pf.attribute(traced, (), source="x", doi=LINE)

    def test_a_batch_that_in_axes_does_not_announce(self, traced):
        with pytest.raises(pf.ShapeError, match="in_axes"):
            pf.attribute(traced, (jnp.stack([X, X]),), source="x", doi=LINE)


class TestBatches:
    def test_an_empty_batch(self, traced):
        with pytest.raises(pf.ArgumentError, match="empty"):
            pf.attribute(traced, (jnp.zeros((0, 3)),), source="x", doi=LINE, in_axes=0)

    def test_a_distribution_of_another_number_of_examples(self, traced):
        doi = pf.Line(jnp.zeros((3, 3)))
        expected = r"attribute\(doi=.*holds 3 examples, but the arguments hold 2"
        with pytest.raises(pf.ShapeError, match=expected):
            pf.attribute(traced, (jnp.stack([X, X]),), source="x", doi=doi, in_axes=0)

    @pytest.mark.usefixtures("unchecked")
    @pytest.mark.parametrize("batched", [False, True])
    @pytest.mark.parametrize(
        ("doi", "error", "said"),
        [
            (pf.Line([0.0, 0.0, 0.0]), pf.ShapeError, "baseline has 3 entries for 1 source"),
            (pf.Line((X, X)), pf.ShapeError, "baseline has 2 entries for 1 source"),
            (pf.Point([1.0, 1.0, 1.0]), pf.ShapeError, "direction has 3 entries for 1 source"),
            (pf.Samples([[1.0, 2.0, 3.0]]), pf.ShapeError, r"values has shape \(3,\)"),
            (pf.Line(None), pf.ArgumentError, r"baseline=None is no array; .* \(3,\)"),
            (pf.Line({"x": 0.0}), pf.ArgumentError, r"baseline=\{'x': 0.0\} is no array"),
        ],
    )
    def test_what_is_no_array_is_refused_as_of_one_example(self, traced, doi, error, said, batched):
        args, axes = (X[None] if batched else X,), 0 if batched else None
        ask = {"source": "x", "doi": doi, "in_axes": axes}
        with pytest.raises(error, match=said):
            pf.attribute(traced, args, **ask)
        with pytest.raises(error, match=said):
            pf.aggregate(fn, args, {"all": ".*"}, **ask)
        with pytest.raises(error, match=said):
            pf.conductance(fn, args, **ask)

    def test_in_axes_of_the_wrong_length(self, traced):
        with pytest.raises(pf.ArgumentError, match=r"in_axes.*2.*1"):
            pf.attribute(traced, (X[None],), source="x", doi=LINE, in_axes=(0, None))

    @pytest.mark.parametrize("axis", [1, 5])
    def test_an_axis_that_is_not_the_examples(self, traced, axis):
        with pytest.raises(pf.ShapeError, match=r"in_axes|per example"):
            pf.attribute(traced, (jnp.zeros((4, 3)),), source="x", doi=LINE, in_axes=(axis,))

    def test_an_axis_of_a_scalar(self):
        traced = pf.trace(lambda x, s: pf.tag(x * s, "a").sum(), X, 2.0)
        with pytest.raises(pf.ShapeError, match="scalar"):
            pf.attribute(traced, (X[None], 2.0), source="x", doi=LINE, in_axes=(0, 0))

    def test_arguments_that_disagree_on_the_number_of_examples(self):
        traced = pf.trace(lambda x, y: pf.tag(x * y, "a").sum(), X, X)
        args = (jnp.zeros((2, 3)), jnp.zeros((3, 3)))
        with pytest.raises(pf.ShapeError, match=r"2, 3"):
            pf.attribute(traced, args, source="x", doi=LINE, in_axes=0)

    def test_in_axes_that_batch_nothing(self, traced):
        with pytest.raises(pf.ArgumentError, match="in_axes"):
            pf.attribute(traced, (X,), source="x", doi=LINE, in_axes=(None,))


class TestKindsOfArguments:
    """Annotations are checked in these tests, so the errors may be the checker's; users get the
    library's.
    """

    def test_a_memory_budget_of_nothing(self):
        with pytest.raises(pf.ArgumentError, match="memory"):
            pf.Enumerate(memory=0)

    def test_a_quantity_for_a_graph_without_one(self, traced):
        with pytest.raises(pf.ArgumentError, match="qoi"):
            pf.attribute(traced, (X,), source="x", doi=LINE, qoi=pf.Logit(0))


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("more", "error", "said"),
    [
        ({"args": 1.0}, pf.ArgumentError, r"\(args=...\) takes the tuple of .* got float"),
        ({"args": None}, pf.ArgumentError, r"\(args=...\) takes the tuple of .* got NoneType"),
        ({"args": ("a",), "in_axes": 0}, pf.ArgumentError, r"args\[0\] is 'a'; give an array"),
        ({"source": None}, pf.UnknownNodeError, "no node None: a node is named by its label"),
        ({"source": {"x"}}, pf.UnknownNodeError, r"no node \{'x'\}: .* x, "),
        ({"target": 0}, pf.UnknownNodeError, "no node 0: a node is named by its label, a text"),
        ({"target": ["output"]}, pf.UnknownNodeError, r"no node \['output'\]: "),
        ({"doi": pf.Gaussian(0.1, 2, 0)}, pf.ArgumentError, r"Gaussian\(key=0\) takes one random"),
        (
            {"doi": pf.Gaussian(0.1, 2, 0), "args": (X[None],), "in_axes": 0},
            pf.ArgumentError,
            r"Gaussian\(key=0\) takes one random key, such as jax.random.key\(0\)",
        ),
        ({"doi": pf.Gaussian(0.1, 2, None)}, pf.ArgumentError, r"Gaussian\(key=None\) takes one"),
        (
            {"doi": pf.Gaussian(0.1, 2, jax.random.split(jax.random.key(0), 3))},
            pf.ArgumentError,
            r"Gaussian\(key=...\) has shape \(3,\) and holds several",
        ),
    ],
)
def test_the_same_is_refused_of_a_graph_and_of_a_function(traced, more, error, said):
    ask = {"args": (X,), "source": "x", "doi": LINE, **more}
    args = ask.pop("args")
    with pytest.raises(error, match=said):
        pf.attribute(traced, args, **ask)
    with pytest.raises(error, match=said):
        pf.aggregate(fn, args, {"all": ".*"}, **ask)


@pytest.mark.usefixtures("unchecked")
def test_an_argument_that_is_text(traced):
    with pytest.raises(pf.ArgumentError, match=r"attribute: args\[0\] is 'a'; give an array"):
        pf.attribute(traced, ("a",), source="x", doi=LINE)
    with pytest.raises(pf.TraceError, match="holds 'a', which is no array"):
        pf.aggregate(fn, ("a",), {"all": ".*"}, source="x", doi=LINE)


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize("ends", [(None, "output"), ("x", None), (3, "output")])
def test_paths_between_what_are_no_nodes(traced, ends):
    with pytest.raises(pf.UnknownNodeError, match="a node is named by its label"):
        traced.count_paths(*ends)


@pytest.mark.usefixtures("unchecked")
def test_a_class_whose_name_is_no_text(traced):
    said = "a class is named 1, which is no text"
    with pytest.raises(pf.ArgumentError, match=said):
        pf.aggregate(fn, (X,), {1: ".*"}, source="x", doi=LINE)
    with pytest.raises(pf.ArgumentError, match=said):
        pf.Aggregate({1: ".*"})


@pytest.mark.usefixtures("unchecked")
def test_an_example_that_is_no_number(traced):
    """Nor True, by which NumPy chooses rows instead of one."""
    searches = [
        pf.Enumerate(),
        pf.TopK(1),
        pf.Aggregate({"all": ".*"}),
        pf.Conductance(),
        pf.Sample(3, jax.random.key(0)),
    ]
    for search in searches:
        ask = {"source": "x", "doi": pf.Point(), "in_axes": 0, "search": search}
        found = pf.attribute(traced, (jnp.stack([X, 2 * X]),), **ask)
        for i in (1.0, "a", None, True):
            with pytest.raises(pf.ArgumentError, match=rf"i={i!r} is no whole number; .* 0 \.\. 1"):
                found.example(i)
        assert found.example(np.int64(1)).total == found.example(1).total == found.total[1]


def test_inside_jit_nothing_is_known(traced):
    ask = {"source": "x", "doi": LINE}
    with pytest.raises(pf.ArgumentError, match="attribute is called inside jit"):
        jax.jit(lambda: pf.attribute(traced, (X,), **ask).influences)()
    # The other transformations leave what they do not trace as it is.
    found = pf.attribute(traced, (X,), **ask).total
    assert jax.grad(lambda v: v * pf.attribute(traced, (X,), **ask).total)(1.0) == found


def test_numpy_arguments_are_fine(traced):
    assert pf.attribute(traced, (np.asarray(X),), source="x", doi=LINE).audit.ok
