"""Words as numbers, and which verb form a model prefers."""

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from examples.lstm_agreement.errors import StudyError
from examples.lstm_agreement.language_models.evaluation import evaluate, verb_margins
from examples.lstm_agreement.sentences.encoding import encode, encode_forms, known_sentences
from examples.lstm_agreement.sentences.lexicon import ENGLISH
from examples.lstm_agreement.sentences.tasks import NOUN_PP, SIMPLE, generate
from pathflow.models import Vocabulary


def test_encoded_words_are_the_words(vocabulary):
    sentences = generate(NOUN_PP, 5)
    encoded = encode(sentences, vocabulary)
    for i, s in enumerate(sentences):
        assert tuple(vocabulary.decode(encoded.tokens[i])) == s.tokens
        assert vocabulary.words[encoded.correct[i]] == s.correct
        assert vocabulary.words[encoded.wrong[i]] == s.wrong
    forms = encode_forms([s.intervening for s in sentences], vocabulary)
    decoded = [tuple(vocabulary.decode(pair)) for pair in forms]
    assert decoded == [
        (s.intervening.forms.singular, s.intervening.forms.plural) for s in sentences
    ]


def test_unknown_words():
    few = Vocabulary(("<unk>", "<eos>", *sorted(ENGLISH.words() - {"doctors", "knows"})))
    sentences = generate(SIMPLE, 200)
    with pytest.raises(StudyError, match="lacks doctors, knows; leave these sentences out"):
        encode(sentences, few)
    kept = known_sentences(sentences, few)
    assert 0 < len(kept) < len(sentences)
    # A sentence with "doctor" needs "doctors" too, for its neutral form.
    assert not any({"doctor", "doctors", "know", "knows"} & s.words() for s in kept)
    assert encode(kept, few).tokens.shape == (len(kept), 2)
    with pytest.raises(StudyError, match="none of the 400 Simple sentences.*the first lacks"):
        known_sentences(sentences, Vocabulary(("<unk>", "<eos>", "The")))


def test_sentences_of_two_lengths(vocabulary):
    with pytest.raises(StudyError, match="one length"):
        encode([*generate(SIMPLE, 1), *generate(NOUN_PP, 1)], vocabulary)


@pytest.mark.parametrize("n_groups", [1, 16, 17, 40])
def test_margins_are_those_of_the_model(model, vocabulary, n_groups):
    sentences = generate(NOUN_PP, n_groups)
    margins = verb_margins(model, vocabulary, sentences)
    assert margins.shape == (4 * n_groups,)
    for s, margin in list(zip(sentences, margins, strict=True))[:: max(1, n_groups // 3)]:
        logits = model(jnp.asarray(vocabulary.encode(s.tokens)))
        correct, wrong = vocabulary.encode((s.correct, s.wrong))
        np.testing.assert_allclose(margin, logits[correct] - logits[wrong], atol=1e-6)


def test_a_model_that_always_says_plural(model, vocabulary):
    plural = nnx.clone(model)
    numbers = vocabulary.encode(v.plural for v in ENGLISH.verbs)
    plural.output_bias[...] = plural.output_bias[...].at[numbers].add(100.0)
    found = {a.condition: a.value for a in evaluate(plural, vocabulary, generate(NOUN_PP, 9))}
    assert found == {"SS": 0.0, "SP": 0.0, "PS": 1.0, "PP": 1.0}


def test_a_tie_is_no_preference(model, vocabulary):
    indifferent = nnx.clone(model)
    indifferent.embedding[...] = 0 * indifferent.embedding[...]
    assert {a.n_correct for a in evaluate(indifferent, vocabulary, generate(SIMPLE, 4))} == {0}
