"""The shipped network reads digits, by way of its residual blocks, and by the channels found."""

import numpy as np
import pytest

from examples.digits_cnn.__main__ import route
from examples.digits_cnn.measure import (
    BY_BLOCK,
    BY_CHANNEL,
    channel_influences,
    contrast,
    influences,
    margins,
    swapped,
    traced,
)
from examples.digits_cnn.task import N_HELD_OUT, digits, fresh
from examples.digits_cnn.train import CHECKPOINT, accuracy, new_model, shipped

pytestmark = pytest.mark.usefixtures("single_precision")


@pytest.fixture(scope="module")
def model():
    return shipped()


@pytest.fixture(scope="module")
def untrained():
    return new_model(100)


@pytest.fixture(scope="module")
def asked():
    return contrast(3, 8, 16)


def test_no_digit_is_both_learnt_from_and_asked_about():
    training, held_out = digits()
    assert len(held_out.labels) == N_HELD_OUT
    assert len(training.labels) + N_HELD_OUT == 1797
    seen = {image.tobytes() for image in training.images}
    assert not any(image.tobytes() in seen for image in held_out.images)
    assert training.images.min() == 0
    assert training.images.max() == 1
    images, labels = fresh(10_000, np.random.default_rng(0))
    assert len(images) == len(labels) == N_HELD_OUT


def test_a_contrast_holds_each_digit_against_the_other(asked):
    assert asked.shown.tolist() == [3] * 16 + [8] * 16
    assert asked.other.tolist() == [8] * 16 + [3] * 16
    training = digits().training
    of_eights = training.images[training.labels == 8].mean(axis=0)
    np.testing.assert_allclose(asked.opposite[0], of_eights, rtol=1e-5)


def test_the_shipped_model_is_right_and_small(model, untrained):
    assert CHECKPOINT.stat().st_size < 300_000
    assert accuracy(model) > 0.96
    assert accuracy(untrained) < 0.3


def test_the_way_through_both_blocks_is_first_in_the_trained_model_alone(model, untrained, asked):
    graph = traced(model, BY_BLOCK)
    result = influences(graph, asked)
    assert np.all(result.audit.ok)
    clean, opposite = (margins(graph, asked, i) for i in ({}, {"x": asked.swap}))
    assert np.mean(result.total) == pytest.approx(np.mean(clean - opposite), rel=0.02)
    first = result.top(1)[0]
    assert route(first.path) == "through both blocks"
    assert first.influence / np.mean(result.total) > 0.5
    # It alone decides: with it swapped for the other digit, and with everything else swapped.
    swap = {"x": asked.swap}
    for path in result.space:
        decides = path == first.path
        assert (margins(graph, asked, swap, along=path).mean() < 0) == decides
        assert (margins(graph, asked, swap, sparing=path).mean() > 0) == decides
    control = influences(traced(untrained, BY_BLOCK), asked)
    assert route(control.top(1)[0].path) == "beside both blocks"
    assert np.mean(control.total) < 0.01 * np.mean(result.total)


def test_no_other_channels_do_as_much_harm_as_those_of_the_largest_influence(model, asked):
    graph = traced(model, BY_CHANNEL)
    result = influences(graph, asked)
    assert np.all(result.audit.ok)
    by = channel_influences(result)
    assert by.sum() == pytest.approx(np.mean(result.total), rel=1e-4)
    for size, sets in ((1, 8), (2, 28)):
        found = swapped(graph, asked, by, size)
        assert found.of_all.shape == (sets, 32)
        assert found.rank == 1
        # The channels of the smallest influence, by the same measure.
        assert swapped(graph, asked, -by, size).rank > 0.8 * sets
