"""The shipped model takes the shortcut, and is right without it once its units are fixed."""

import jax
import numpy as np
import pytest

from examples.shortcut_mlp.__main__ import where
from examples.shortcut_mlp.measure import SOURCES, Closing, by_unit, influences
from examples.shortcut_mlp.task import AGREES, SHORTCUT, neutral, points
from examples.shortcut_mlp.train import CHECKPOINT, WIDTH, accuracy, new_model, shipped

pytestmark = pytest.mark.usefixtures("single_precision")


@pytest.fixture(scope="module")
def model():
    return shipped()


@pytest.fixture(scope="module")
def seen():
    return points(400, np.random.default_rng(11))


@pytest.fixture(scope="module")
def broken():
    return points(600, np.random.default_rng(12), agrees=0.5)


@pytest.fixture(scope="module")
def found(model, seen):
    return influences(model, seen)


def test_points_are_as_described(seen, broken):
    for drawn, least, most in ((seen, AGREES - 0.04, 1), (broken, 0.44, 0.56)):
        agree = where(drawn, agrees=True)
        assert least < len(agree.labels) / len(drawn.labels) < most
        assert ((agree.inputs[:, SHORTCUT] > 0) == agree.labels).all()
        radius = np.linalg.norm(drawn.inputs[:, :SHORTCUT], axis=1)
        assert 0.85 < np.mean((radius > 1.2) == drawn.labels) < 0.95
    middle = neutral(seen)
    np.testing.assert_allclose(np.linalg.norm(middle, axis=1), 1.2, rtol=1e-5)
    cosines = (middle * seen.inputs)[:, :SHORTCUT].sum(axis=1)
    radius = np.linalg.norm(seen.inputs[:, :SHORTCUT], axis=1)
    np.testing.assert_allclose(cosines, 1.2 * radius, rtol=1e-4)


def test_the_shipped_model_is_right_where_the_shortcut_is_and_small(model, seen, broken):
    assert CHECKPOINT.stat().st_size < 300_000
    assert accuracy(model, seed=11) > 0.97
    assert 0.65 < Closing(model, broken, seen).as_it_is() < 0.85


def test_the_total_is_what_the_model_says_beyond_a_point_that_says_nothing(model, seen, found):
    assert np.all(found.audit.ok)
    logits, at_rest = (np.asarray(jax.vmap(model)(x)) for x in (seen.inputs, neutral(seen)))
    rows = np.arange(len(seen.labels))
    gain = (logits - at_rest)[rows, seen.labels] - (logits - at_rest)[rows, 1 - seen.labels]
    np.testing.assert_allclose(found.total.mean(), gain.mean(), rtol=1e-2)
    parts = [found.through(source) for source in SOURCES]
    np.testing.assert_allclose(sum(parts), found.total, rtol=1e-4, atol=1e-4)
    assert 0.3 < parts[0].mean() / found.total.mean() < 0.7
    untrained = influences(new_model(100), seen)
    assert abs(untrained.through(SOURCES[0]).mean()) < 0.05 * parts[0].mean()


def test_fixing_the_units_of_the_shortcut_restores_what_no_other_units_do(
    model, seen, broken, found
):
    by_shortcut, by_rings = (by_unit(found, source) for source in SOURCES)
    closing = Closing(model, broken, seen)
    pair = closing.errors_without(by_shortcut, 2)
    assert len(pair.of_all) == WIDTH * (WIDTH - 1) // 2
    assert pair.rank == 1
    assert 1 - pair.left.mean() > closing.as_it_is() + 0.06
    # The units that carry the rings, by the same measure.
    assert closing.errors_without(by_rings, 2).rank > 0.5 * len(pair.of_all)
    # By hand: one forward pass with the two units held.
    kernels = [np.asarray(layer.kernel[...]) for layer in model.layers]
    biases = [np.asarray(layer.bias[...]) for layer in model.layers]
    hidden, means = (
        np.maximum(drawn.inputs @ kernels[0] + biases[0], 0) for drawn in (broken, seen)
    )
    units = list(pair.chosen)
    hidden[:, units] = means[:, units].mean(axis=0)
    logits = np.maximum(hidden @ kernels[1] + biases[1], 0) @ kernels[2] + biases[2]
    assert np.mean(logits.argmax(axis=1) != broken.labels) == pytest.approx(pair.left.mean())


def test_closing_all_paths_of_the_shortcut_is_silencing_it(model, seen, broken):
    closing = Closing(model, broken, seen)
    everywhere = closing.without_paths(tuple(range(WIDTH)))
    assert everywhere.mean() == pytest.approx(closing.without_feature(), abs=0.01)
