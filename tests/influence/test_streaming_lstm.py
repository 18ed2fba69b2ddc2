"""Sums over classes of an LSTM's paths, against an enumeration by hand and other executions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pathflow as pf
from tests.helpers import (
    assert_sums_of_paths,
    by_path,
    class_sums,
    lstm_by_layer,
    lstm_by_step,
    lstm_params,
    lstm_path_influences,
)

CLASSES = {
    "primary": "x@0 g0 c0 h0 g1 c1+ h1 qoi",
    "by the cell": "x@0 .* c0@0 c0@1: .* qoi",
    "no gate": "~(.* (f*|i*|o*) .*)",
    "late": ".* h0@:2 .* & .* c1@1 .*",
}


@pytest.mark.parametrize("fn", [lstm_by_step, lstm_by_layer])
def test_every_class_is_the_sum_of_paths_found_by_hand(fn):
    params = lstm_params(2, 3, 4, 3)
    direction = np.random.default_rng(0).normal(size=3)
    expected = lstm_path_influences(
        jax.tree.map(np.asarray, params["layers"]),
        np.asarray(params["words"]),
        np.asarray(params["readout"]),
        np.asarray(params["words"])[:1],
        [1.0],
        direction,
    )
    labels = {tuple(path.split()): value for path, value in expected.items()}
    doi = pf.Point(direction=jnp.asarray(direction))
    result = pf.aggregate(fn, (params,), CLASSES, source="x@0", target="qoi", doi=doi)
    assert_sums_of_paths(result, labels, CLASSES)
    assert all(result[name] for name in result.names)


def test_other_partitions_and_executions():
    params = lstm_params(2, 3, 4, 2)
    traced = pf.trace(lstm_by_step, params)
    ask = {"source": "x@0", "target": "qoi", "doi": pf.Line(jnp.zeros(3), n_steps=2)}
    every = by_path(pf.attribute(traced, (params,), **ask))
    named = {f"h1@{t}": f"h1@{t}" for t in range(2)}
    for partition, key, ways in (
        (pf.PathLength(9), lambda p: str(len(p) - 1) if len(p) < 10 else "9+", ()),
        (pf.CountSteps("c*", 3), lambda p: str(n) if (n := _cells(p)) < 3 else "3+", ()),
        (
            pf.FirstOf(named),
            lambda p: next((n for n in p if n.startswith("h1")), None),
            (pf.Streaming(), pf.OnGraph()),
        ),
    ):
        expected = dict.fromkeys(partition.names, 0.0)
        for path, value in every.items():
            expected[key(path)] = expected.get(key(path), 0.0) + value
        wanted = [expected[name] for name in partition.names]
        results = [
            pf.aggregate(lstm_by_step, (params,), partition, **ask),
            *(
                pf.attribute(traced, (params,), search=pf.Aggregate(partition, way), **ask)
                for way in ways
            ),
        ]
        for result in results:
            np.testing.assert_allclose(result.influences, wanted, atol=1e-12)
            assert result.audit.ok
        assert results[0].counts is None
        assert all(r.counts == results[-1].counts for r in results[1:])


def test_a_traced_graph_is_a_function_too():
    params = lstm_params(2, 3, 4, 2)
    ask = {"source": "x@0", "target": "qoi", "doi": pf.Point(direction=jnp.ones(3))}
    results = [
        pf.aggregate(fn, (params,), CLASSES, **ask)
        for fn in (lstm_by_step, pf.trace(lstm_by_step, params))
    ]
    assert class_sums(results[0]) == class_sums(results[1])


def _cells(path):
    return sum(name.startswith("c") for name in path)
