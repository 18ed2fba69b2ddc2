"""float32, refinement of lines, and the compressed rule."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pathflow as pf
from pathflow._compat import compiled
from tests.helpers import PROGRAMS, lstm_by_step, lstm_params


def single(tree):
    return jax.tree.map(lambda a: a.astype(jnp.float32), tree)


@pytest.fixture(scope="module")
def lstm():
    """A graph in each precision, with its arguments."""
    params = lstm_params(2, 3, 6, 3)
    return {str(p["readout"].dtype): (pf.trace(_lstm(p), p), p) for p in (params, single(params))}


def _lstm(params):
    dtype = params["readout"].dtype

    def fn(params):
        # The loop's first state is made in the default precision; a scan must keep its own.
        with jax.enable_x64(dtype == jnp.float64):
            return lstm_by_step(params)

    return fn


def test_float32_is_exact_to_its_own_rounding(lstm):
    results = {}
    for dtype, (traced, params) in lstm.items():
        doi = pf.Line(jnp.zeros(3, dtype), n_steps=10)
        results[dtype] = pf.attribute(traced, (params,), source="x@0", doi=doi)
        assert results[dtype].influences.dtype == dtype
        assert results[dtype].audit.dtype == dtype
        assert results[dtype].audit.ok
    assert results["float64"].audit.tolerance == 1e-10
    assert results["float32"].audit.tolerance == 1e-4
    exact = results["float64"].influences
    gap = np.abs(results["float32"].influences - exact).max()
    assert 0 < gap <= 1e-5 * np.abs(exact).sum()
    assert results["float32"].audit.structural <= 1e-5


def test_points_of_a_source_in_half_precision_weigh_what_they_should():
    """Of a linear function the sum is exact, but for weights that do not sum to 1: a hundredth in
    float16 is 2e-4 too large.
    """

    def linear(x):
        return pf.tag(x.astype(jnp.float32) * jnp.array([1, 2, 3], jnp.float32), "y").sum()

    x = jnp.array([1, 2, 3], jnp.float16)
    doi = pf.Line(jnp.zeros_like(x), n_steps=100, rule=pf.RightRiemann())
    traced = pf.trace(linear, x)
    for search in (pf.Enumerate(), pf.TopK(1), pf.Refine("x y output", at="y")):
        found = pf.attribute(traced, (x,), source="x", doi=doi, search=search)
        np.testing.assert_allclose(found.total, 14, rtol=1e-6)
    found = pf.aggregate(linear, (x,), {"all": ".*"}, source="x", doi=doi)
    np.testing.assert_allclose(found.total, 14, rtol=1e-6)


@pytest.mark.parametrize("sizes", [(2, 4, 20, 8, 16, 32), (3, 17, 5, 8, 16, 32)])
def test_what_is_compiled_equals_what_runs_step_by_step(sizes):
    # As `jax.jit` compiles it by default, XLA of jax 0.10 multiplies this wrongly on the CPU.
    paths, examples, points, heads, inner, outer = sizes
    rng = np.random.default_rng(0)
    shapes = (
        (paths, examples, points, heads, inner),
        (outer, inner),
        (heads, outer),
        (examples, points, heads, outer),
        (examples, points, heads),
    )
    vectors, weights, scale, normed, deviation = (
        jnp.asarray(rng.normal(size=shape), jnp.float32) for shape in shapes
    )

    def pull(vectors, weights, scale, normed, deviation):
        moved = jnp.einsum("peqhk,mk->peqhm", vectors, weights, precision="highest")
        moved = moved * scale[None, None, None]
        shared = (normed[None] * moved).sum(axis=-1, keepdims=True)
        return moved * deviation[None, ..., None] + shared * normed[None]

    arguments = (vectors, weights, scale, normed, deviation)
    found, expected = compiled(pull)(*arguments), pull(*arguments)
    np.testing.assert_allclose(found, expected, atol=1e-5 * float(jnp.abs(expected).max()))


def steep(x):
    return pf.tag(jnp.tanh(8 * pf.tag(x, "a")) ** 3, "b").sum()


X = jnp.array([0.9, -1.2, 0.7])


class TestRefinement:
    traced = property(lambda self: pf.trace(steep, X))

    def test_the_gap_comes_under_the_tolerance(self):
        coarse = pf.attribute(self.traced, (X,), source="x", doi=pf.Line(0 * X, n_steps=4))
        assert abs(coarse.audit.quadrature) > 1e-3
        fine = pf.attribute(self.traced, (X,), source="x", doi=pf.Line(0 * X, n_steps=4, tol=1e-6))
        assert abs(fine.audit.quadrature) <= 1e-6
        assert fine.total == pytest.approx(float(steep(X)), abs=1e-6)
        assert fine.audit.n_steps > 4
        assert fine.audit.n_steps % 4 == 0

    def test_a_line_that_is_good_enough_stays_as_it_is(self):
        result = pf.attribute(
            self.traced, (X,), source="x", doi=pf.Line(0 * X, n_steps=4, tol=10.0)
        )
        assert result.audit.n_steps == 4

    def test_the_tolerance_holds_for_every_example(self):
        batch = jnp.stack([X / 100, X])
        doi = pf.Line(0 * X, n_steps=2, tol=1e-6)
        result = pf.attribute(self.traced, (batch,), source="x", doi=doi, in_axes=0)
        assert result.audit.quadrature.shape == (2,)
        assert np.abs(result.audit.quadrature).max() <= 1e-6

    def test_a_tolerance_out_of_reach_is_a_warning(self):
        doi = pf.Line(0 * X, n_steps=2, tol=1e-12, max_steps=8)
        with pytest.warns(UserWarning, match=r"tol=1e-12.*max_steps"):
            result = pf.attribute(self.traced, (X,), source="x", doi=doi)
        assert result.audit.n_steps == 8


class TestDiscreteGauss:
    """Fewer points for the measure of another rule."""

    def attribute(self, rule, n_steps=50):
        program = PROGRAMS["diamonds"]
        args = program.args()
        traced = pf.trace(program.function(), *args)
        doi = pf.Line(jnp.zeros(3), n_steps=n_steps, rule=rule)
        return pf.attribute(traced, args, source="x", doi=doi)

    @pytest.mark.parametrize("of", [pf.RightRiemann(), pf.Midpoint(), pf.Trapezoid()])
    def test_twelve_nodes_stand_for_fifty(self, of):
        """Against the fifty points themselves, the error is far under the rule's own."""
        full, compressed = self.attribute(of), self.attribute(pf.DiscreteGauss(12, of=of))
        assert full.audit.n_steps == 50
        assert compressed.audit.n_steps == 12
        assert compressed.audit.ok
        gap = np.abs(compressed.influences - full.influences).max()
        assert gap <= 1e-6 * np.abs(full.influences).max()

    def test_it_is_the_rule_itself_where_the_rule_has_no_more_points(self):
        full, compressed = (
            self.attribute(rule, 5)
            for rule in (pf.Midpoint(), pf.DiscreteGauss(5, of=pf.Midpoint()))
        )
        np.testing.assert_allclose(compressed.influences, full.influences, rtol=1e-12)

    def test_too_few_nodes_show(self):
        """The measure of one node is the measure's mean: this must not be exact."""
        full, compressed = (
            self.attribute(rule) for rule in (pf.Midpoint(), pf.DiscreteGauss(1, of=pf.Midpoint()))
        )
        assert np.abs(compressed.influences - full.influences).max() > 1e-4
