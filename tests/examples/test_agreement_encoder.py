"""The shipped encoder agrees with subjects, and by a head that reads the subject's value."""

import numpy as np
import pytest

from examples.agreement_encoder.measure import ablations, asked, carried_by, influences, looks
from examples.agreement_encoder.task import LENGTH, another_number, sentences
from examples.agreement_encoder.train import CHECKPOINT, accuracy, new_model, shipped

pytestmark = pytest.mark.usefixtures("single_precision")


@pytest.fixture(scope="module")
def model():
    return shipped()


def test_sentences_are_as_described():
    drawn = sentences(400, np.random.default_rng(0))
    assert drawn.tokens.shape == (400, LENGTH)
    rows = np.arange(400)
    for places in (drawn.subject, drawn.preposition + 1):
        nouns = drawn.tokens[rows, places]
        assert (nouns >= 10).all()
        assert (another_number(another_number(nouns)) == nouns).all()
        assert (abs(another_number(nouns) - nouns) == 1).all()
    assert ((drawn.tokens >= 10).sum(axis=1) == 2).all()
    assert ((drawn.tokens[rows, drawn.subject] % 2 == 1) == (drawn.plural == 1)).all() or (
        (drawn.tokens[rows, drawn.subject] % 2 == 0) == (drawn.plural == 1)
    ).all()
    assert set(drawn.subject) == set(range(1, LENGTH))


def test_the_shipped_model_is_right_and_small(model):
    assert CHECKPOINT.stat().st_size < 300_000
    assert accuracy(model, seed=11) >= 0.999
    assert 0.4 < accuracy(new_model(100), seed=11) < 0.6


def test_paths_go_through_the_head_that_looks_at_the_subject_and_is_missed(model):
    head = int(np.argmax(looks(model, seed=12)["verb at subject"][1]))
    without = ablations(model)
    assert min(without, key=lambda name: without[name]) == f"l1.h{head}"
    assert without[f"l1.h{head}"] < 0.6
    shares = {}
    for name, asked_of in (("trained", model), ("untrained", new_model(100))):
        result = influences(asked_of, asked(4, seed=4))
        assert np.all(result.audit.ok)
        chosen = np.array([carried_by(path, head) for path in result.space])
        assert chosen.sum() == 12
        size = np.abs(result.influences).sum()
        shares[name] = np.abs(result.influences[:, chosen]).sum() / size
    assert shares["trained"] > 0.6
    assert shares["untrained"] < 0.3
