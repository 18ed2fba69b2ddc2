"""The models that are shipped: they know the words, agree, and show the paper's phenomenon."""

import pytest

import pathflow as pf
from examples.lstm_agreement.console.options import DECAYED, ENGLISH, TINY
from examples.lstm_agreement.language_models.evaluation import evaluate
from examples.lstm_agreement.sentences.lexicon import ENGLISH as LEXICON
from examples.lstm_agreement.sentences.tasks import NOUN_PP, SIMPLE, TASKS, generate
from examples.lstm_agreement.tables.measure import Role, Settings, noun_influences
from examples.lstm_agreement.tables.table1 import Condition, summarise
from pathflow.models import load_checkpoint

pytestmark = pytest.mark.one_python


@pytest.fixture(scope="module")
def tiny():
    return load_checkpoint(TINY)


@pytest.mark.parametrize("path", [TINY, ENGLISH, DECAYED], ids=lambda p: p.stem)
def test_a_model_knows_every_word_of_the_sentences(path):
    checkpoint = load_checkpoint(path)
    assert LEXICON.words() <= set(checkpoint.vocabulary.words)
    # Nothing is left out, so that a run has the sentences that its numbers were written down for.
    assert LEXICON.within(checkpoint.vocabulary) == LEXICON
    assert path.stat().st_size < 20_000_000
    assert checkpoint.card.attribution


@pytest.mark.parametrize("task", TASKS, ids=lambda t: t.name)
def test_the_tiny_model_agrees(tiny, task):
    for accuracy in evaluate(tiny.model, tiny.vocabulary, generate(task, 50, seed=1)):
        assert accuracy.value >= 0.95, accuracy


@pytest.mark.parametrize("condition", ["S", "P"])
def test_the_primary_path_is_first_in_the_tiny_model(tiny, condition):
    sentences = tuple(s for s in generate(SIMPLE, 8, seed=1) if s.condition == condition)
    settings = Settings(n_steps=20, chunk=8)
    result = noun_influences(tiny.model, tiny.vocabulary, sentences, Role.SUBJECT, settings)
    row = summarise("trained", Condition(Role.SUBJECT, sentences), result)
    assert result.audit.ok
    assert (row.p_plus.mean, row.t.mean, row.rank.mean) == (1.0, 1.0, 1)
    assert 0.3 < row.share.mean < 0.7


def test_the_decayed_model_uses_the_primary_path_more_than_the_other():
    sentences = tuple(s for s in generate(NOUN_PP, 4, seed=1) if s.condition == "SS")
    condition = Condition(Role.SUBJECT, sentences)
    rows = []
    for path in (ENGLISH, DECAYED):
        checkpoint = load_checkpoint(path)
        result = noun_influences(
            checkpoint.model,
            checkpoint.vocabulary,
            sentences,
            Role.SUBJECT,
            Settings(n_steps=10, rule=pf.Midpoint(), chunk=4),
        )
        rows.append(summarise("trained", condition, result))
    english, decayed = rows
    assert decayed.t.mean > 0.7 > english.t.mean
    assert decayed.primary.mean > 4 * abs(english.primary.mean)
