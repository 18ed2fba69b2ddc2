"""One function at many grains: numbers of paths in closed form, and the same total at each."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import pathflow as pf
from pathflow.models import (
    LearnedPositions,
    TransformerDecoder,
    attention_parts,
    mlp_neurons,
    residual_sums,
    residual_writers,
)

STEPS, WIDTH, HEADS, LAYERS, HIDDEN = 3, 4, 2, 2, 5
TOKENS = np.array([2, 0, 1])
H, L, T, W, N = HEADS, LAYERS, STEPS, WIDTH, HIDDEN


@pytest.fixture(scope="module")
def model():
    return TransformerDecoder(
        5, W, H, L, N, LearnedPositions(T), dtype=jnp.float64, rngs=nnx.Rngs(1)
    )


@pytest.fixture(scope="module")
def expected(model):
    """The derivative of the untouched function along what the first layer reads."""
    x = model.stream.embedding[...][TOKENS] + model.stream.position_table[...]

    def quantity(x):
        for layer in model.stream.layers:
            x = layer(x, model.positions, jnp.tril(jnp.ones((T, T), bool)))
        return QOI(model.stream.outer_norm(x)[-1] @ model.output_rows.T)

    return float(jax.jvp(quantity, (x,), (x,))[1])


QOI = pf.LogitDifference(1, 4)
WRITERS, SUMS = residual_writers(), residual_sums()
GRAINS = {
    "vectors": (WRITERS, {}, (2 * (1 + H)) ** L),
    "layers": (residual_writers(heads=False), {}, 4**L),
    "sums": (SUMS, {}, 1),
    "writers and sums": (WRITERS | SUMS, {}, (2 * (1 + H)) ** L),
    "parts of heads": (WRITERS | attention_parts(), {}, (2 * (1 + 3 * H)) ** L),
    "neurons": (
        residual_writers(heads=False) | mlp_neurons(),
        {"l*.neurons": pf.Axis(1)},
        (2 * (1 + N)) ** L,
    ),
    "components of a sum": (SUMS, {"l0.mid": pf.Components()}, T * W),
    "channels of a sum": (SUMS, {"l0.out": pf.Axis(1)}, W),
    "positions of a sum": (SUMS, {"l0.mid": pf.Axis(0), "l0.out": pf.Axis(0)}, T),
    "groups of a sum": (SUMS, {"l0.out": pf.Groups(2)}, 2),
    # Attention mixes positions and nothing else does; the logits read the last one alone.
    "positions of heads": (
        residual_writers() | SUMS,
        {"l1.h*": pf.Axis(0), "l1.mid": pf.Axis(0), "l1.mlp": pf.Axis(0), "l1.out": pf.Axis(0)},
        2 * (1 + H) * 2 * (1 + H),
    ),
}


@pytest.mark.parametrize("grain", GRAINS)
def test_paths_are_as_many_as_counted_by_hand_and_add_up(model, expected, grain):
    nodes, split, n_paths = GRAINS[grain]
    graph = pf.trace(model, TOKENS, nodes=nodes, split=split or None, qoi=QOI)
    assert graph.count_paths("embed", "qoi") == n_paths
    result = pf.attribute(
        graph, (TOKENS,), source="embed", doi=pf.Point(), search=pf.Aggregate({"all": ".*"})
    )
    assert result.audit.structural < 1e-10
    np.testing.assert_allclose(result.total, expected, rtol=1e-10)


def test_heads_split_from_one_node_are_the_tagged_heads(model):
    def stacked(tokens):
        x = pf.tag(model.stream.embedding[...][tokens], "x")
        attention = model.stream.layers[0].attention
        heads = jnp.einsum("td,hdn->htn", x, attention.value[...])
        heads = pf.tag(jnp.tanh(heads), "heads")
        return jnp.einsum("htn,hnd->td", heads, attention.output[...])[-1]

    qoi = pf.LogitDifference(0, 3)
    whole = pf.trace(stacked, TOKENS, qoi=qoi)
    fine = pf.trace(stacked, TOKENS, qoi=qoi, split={"heads": pf.Axis(0)})
    ask = {"source": "x", "doi": pf.Point()}
    parts = pf.attribute(fine, (TOKENS,), **ask)
    assert [str(p) for p in parts.space] == [f"x heads[{h}] qoi" for h in range(H)]
    one = pf.attribute(whole, (TOKENS,), **ask)
    np.testing.assert_allclose(parts.total, one.total, rtol=1e-12)
    refined = pf.refine(one, "x heads qoi", at="heads", parts=pf.Axis(0))
    np.testing.assert_allclose(refined.influences, parts.influences, rtol=1e-10)


def test_later_positions_send_exactly_nothing_back(model):
    graph = pf.trace(
        model,
        TOKENS,
        nodes=WRITERS,
        split={"embed": pf.Axis(0), "l0.h*": pf.Axis(0)},
        qoi=QOI,
    )
    result = pf.attribute(graph, (TOKENS,), source="embed[2]", doi=pf.Point())
    back = [
        value
        for path, value in zip(result.space, result.influences, strict=True)
        if any(f"l0.h{h}[{t}]" in str(path).split() for h in range(H) for t in (0, 1))
    ]
    assert len(back) > 0
    assert not np.any(back)
