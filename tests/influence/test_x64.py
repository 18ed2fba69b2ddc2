"""Float64 that is asked for while JAX has it turned off is an error, however it is asked."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import pathflow as pf
from pathflow.models import MLP

DOUBLE, SINGLE = np.array([0.3, -1.2, 0.7]), np.array([0.3, -1.2, 0.7], np.float32)
PARAMS = {"w": np.ones(3, np.float32)}


@pytest.fixture(autouse=True)
def _x64_is_off():
    with jax.enable_x64(False):
        yield


def fn(x, params):
    return pf.tag(jnp.tanh(x * params["w"]), "h").sum()


@pytest.fixture
def graph():
    return pf.trace(fn, SINGLE, PARAMS)


def ask(graph, x=SINGLE, doi=None, **more):
    doi = pf.Line(np.zeros_like(SINGLE), n_steps=2) if doi is None else doi
    return pf.attribute(graph, (x, PARAMS), source="x", doi=doi, **more)


ASKED = {
    "an argument of trace": (lambda _: pf.trace(fn, DOUBLE, PARAMS), r"trace.*argument 0 is"),
    "a parameter": (
        lambda _: pf.trace(fn, SINGLE, {"w": DOUBLE}),
        r"trace.*argument 1\['w'\] is",
    ),
    "a shape": (
        lambda _: pf.trace(fn, jax.ShapeDtypeStruct((3,), np.float64), PARAMS),
        r"argument 0 is.*dtype='float32'",
    ),
    "retrace": (lambda g: g.retrace(DOUBLE, PARAMS), "retrace.*argument 0"),
    "an argument of attribute": (lambda g: ask(g, DOUBLE), r"attribute: args\[0\] is"),
    "a baseline": (lambda g: ask(g, doi=pf.Line(np.zeros(3))), r"doi.*Line\.baseline is"),
    "a direction": (lambda g: ask(g, doi=pf.Point(DOUBLE)), r"Point\.direction is"),
    "points": (lambda g: ask(g, doi=pf.Samples(DOUBLE[None])), r"Samples\.values is"),
    "baselines of a batch": (
        lambda g: ask(g, np.stack([SINGLE] * 2), pf.Line(np.zeros((2, 3))), in_axes=(0, None)),
        r"Line\.baseline is",
    ),
    "aggregate": (
        lambda _: pf.aggregate(
            fn, (SINGLE, PARAMS), {"all": ".*"}, source="x", doi=pf.Line(np.zeros(3))
        ),
        r"aggregate.*Line\.baseline is",
    ),
    "an intervention": (
        lambda g: pf.do(g, (SINGLE, PARAMS), {"h": DOUBLE}),
        "value given to node 'h' is",
    ),
    "a model": (
        lambda _: MLP(3, (4,), 2, dtype=np.float64, rngs=nnx.Rngs(0)),
        "dtype= of the model is",
    ),
}


@pytest.mark.parametrize(("asked", "named"), ASKED.values(), ids=ASKED)
def test_it_is_refused_by_name(graph, asked, named):
    with pytest.raises(pf.X64DisabledError, match=named) as error:
        asked(graph)
    message = str(error.value)
    assert "float64, but JAX's x64 is off and would make it float32" in message
    assert "jax_enable_x64" in message
    assert ".astype('float32')" in message or "dtype='float32'" in message


def test_integers_that_need_64_bits():
    def indexed(x, numbers):
        return pf.tag(x[numbers % 3], "h").sum()

    graph = pf.trace(indexed, SINGLE, np.array([1, 2]))
    ask = {"source": "x", "doi": pf.Line(np.zeros_like(SINGLE), n_steps=2)}
    assert pf.attribute(graph, (SINGLE, np.array([0, 2])), **ask).audit.ok
    with pytest.raises(pf.X64DisabledError, match=r"args\[1\] holds 3,000,000,000.*int32"):
        pf.attribute(graph, (SINGLE, np.array([0, 3_000_000_000])), **ask)


def test_what_asks_for_no_precision_is_fine(graph):
    """Python's and NumPy's numbers, and weights, which are no values of the function."""
    points = pf.Samples(SINGLE[None], weights=np.ones(1))
    result = ask(graph, doi=points)
    assert result.influences.dtype == np.float32
    assert result.audit.ok

    scaled = pf.trace(lambda x, s: pf.tag(x * s, "h").sum(), SINGLE, 2.0)
    doi = pf.Point()
    assert pf.attribute(scaled, (SINGLE, np.float64(3.0)), source="x", doi=doi).audit.ok
