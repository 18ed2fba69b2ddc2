"""Sums over the paths through each edge, against a walk along every path."""

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pathflow.graph import edge_sums
from tests.graph.strategies import spaces


@given(spaces(), st.integers(0, 2**32 - 1), st.sampled_from([(), (1,), (3,)]))
def test_edge_sums_are_sums_over_paths(found, seed, batch):
    _, space = found
    values = np.random.default_rng(seed).standard_normal((*batch, space.count))
    expected = {edge: np.zeros(batch) for edge in space.edges}
    for rank, path in enumerate(space):
        for edge in pairwise(path):
            expected[edge] += values[..., rank]
    sums = edge_sums(space, values)
    assert sums.shape == (*batch, len(expected))
    np.testing.assert_allclose(sums, np.stack([*expected.values()], axis=-1), atol=1e-12)
