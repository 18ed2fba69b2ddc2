"""A small untrained model that knows the words of the sentences, and single precision."""

import jax
import pytest
from flax import nnx

from examples.lstm_agreement.sentences.lexicon import ENGLISH
from pathflow.models import LSTMLanguageModel, Vocabulary


@pytest.fixture(scope="session")
def vocabulary():
    return Vocabulary(("<unk>", "<eos>", *sorted(ENGLISH.words())))


@pytest.fixture(scope="session")
def model(vocabulary):
    return LSTMLanguageModel(len(vocabulary), 6, 6, 2, True, rngs=nnx.Rngs(5))


@pytest.fixture(scope="module")
def single_precision():
    """What the small models are trained and asked in."""
    with jax.enable_x64(False):
        yield
