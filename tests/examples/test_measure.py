"""Influences from a noun: how many paths, completeness, and the primary path among them."""

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import pathflow as pf
from examples.lstm_agreement.language_models.evaluation import verb_margins
from examples.lstm_agreement.sentences.tasks import ADV, NOUN_PP, NOUN_PP_ADV, SIMPLE, generate
from examples.lstm_agreement.tables.measure import Role, Settings, noun_influences, primary_path

EXACT = Settings(n_steps=16, rule=pf.GaussLegendre(), chunk=3)


@pytest.mark.parametrize(
    ("position", "last", "text"),
    [
        (1, 1, "x@1 g0@1 c0@1 h0@1 g1@1 c1@1 h1@1 qoi"),
        (1, 3, "x@1 g0@1 c0@1 h0@1 g1@1 c1@1 c1@2 c1@3 h1@3 qoi"),
    ],
)
def test_primary_path(position, last, text):
    assert primary_path(position, last) == text


@pytest.mark.parametrize("n_steps", range(1, 6))
def test_the_traced_model_has_the_papers_path_counts(model, n_steps):
    structure, parameters = nnx.split(model)
    graph = pf.trace(
        lambda parameters, tokens: nnx.merge(structure, parameters)(tokens),
        parameters,
        jnp.zeros(n_steps + 1, jnp.int32),
        qoi=pf.LogitDifference(0, 1),
    )
    expected = [16, 152, 1089, 6946, 41561][n_steps - 1]
    assert graph.count_paths("x@1", "qoi") == expected
    assert primary_path(1, n_steps) in graph.paths("x@1", "qoi")


def neutral(model, vocabulary, noun):
    """The model with the noun's form replaced by the mean of both forms, where it is read."""
    changed = nnx.clone(model)
    word = vocabulary.index[noun.number.form_of(noun.forms)]
    forms = vocabulary.encode((noun.forms.singular, noun.forms.plural))
    mean = changed.embedding[...][forms].mean(axis=0)
    changed.embedding[...] = changed.embedding[...].at[word].set(mean)
    return changed


@pytest.mark.parametrize("task", [SIMPLE, ADV], ids=lambda t: t.name)
def test_paths_add_up_to_what_the_nouns_number_changes(model, vocabulary, task):
    sentences = generate(task, 4, seed=2)
    result = noun_influences(model, vocabulary, sentences, Role.SUBJECT, EXACT)
    assert result.influences.shape == (8, 16 if task is SIMPLE else 152)
    assert result.audit.ok
    with_number = verb_margins(model, vocabulary, sentences)
    without = [
        verb_margins(neutral(model, vocabulary, s.subject), vocabulary, [s])[0] for s in sentences
    ]
    np.testing.assert_allclose(result.total, with_number - without, atol=1e-6)


def test_the_intervening_noun(model, vocabulary):
    sentences = generate(NOUN_PP, 1, seed=3)
    result = noun_influences(model, vocabulary, sentences, Role.INTERVENING, EXACT)
    assert [str(s) for s in result.space.sources] == ["x@4"]
    assert result.influences.shape == (4, 16)
    with_number = verb_margins(model, vocabulary, sentences)
    without = [
        verb_margins(neutral(model, vocabulary, s.intervening), vocabulary, [s])[0]
        for s in sentences
    ]
    np.testing.assert_allclose(result.total, with_number - without, atol=1e-6)
    with pytest.raises(ValueError, match="Simple sentences have no intervening noun"):
        Role.INTERVENING.noun(generate(SIMPLE, 1)[0])


def test_chunks_do_not_show(model, vocabulary):
    sentences = generate(SIMPLE, 4)
    done = []
    one = noun_influences(model, vocabulary, sentences, Role.SUBJECT, EXACT, advance=done.append)
    two = noun_influences(model, vocabulary, sentences, Role.SUBJECT, Settings(16, EXACT.rule, 8))
    assert done == [3, 3, 2]
    np.testing.assert_allclose(one.influences, two.influences, rtol=1e-4, atol=1e-9)
    np.testing.assert_allclose(one.audit.quadrature, two.audit.quadrature, atol=1e-6)
    assert one.metadata == two.metadata


def test_the_papers_rule_misses_completeness_by_more(model, vocabulary):
    sentences = generate(SIMPLE, 4)
    gaps = [
        np.abs(
            noun_influences(model, vocabulary, sentences, Role.SUBJECT, s).audit.quadrature
        ).max()
        for s in (Settings(50, pf.RightRiemann(), 8), EXACT)
    ]
    assert gaps[0] > 3 * gaps[1]


def test_positions_of_the_longest_task():
    sentence = generate(NOUN_PP_ADV, 1)[0]
    assert Role.SUBJECT.noun(sentence).position == 1
    assert Role.INTERVENING.noun(sentence).position == 4
    assert len(sentence.tokens) == 6
