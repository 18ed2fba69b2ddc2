"""The template grammar: what it writes agrees, and what it holds out never appears."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples.lstm_agreement.sentences.lexicon import ENGLISH
from examples.lstm_agreement.sentences.tasks import Number
from examples.lstm_agreement.train import grammar_lexicon as lexicon
from examples.lstm_agreement.train.grammar import (
    VOCABULARY,
    GrammarCorpus,
    held_out_modifiers,
    held_out_verbs,
    sentence,
)

NOUNS = {
    word: (noun, number)
    for noun in (*lexicon.PEOPLE, *lexicon.THINGS)
    for number, word in ((Number.SINGULAR, noun.singular), (Number.PLURAL, noun.plural))
}
VERBS = {
    word: (verb, number)
    for verb in (
        *lexicon.AGREEMENT_VERBS,
        *lexicon.TRANSITIVE,
        *lexicon.INTRANSITIVE,
        *lexicon.SENTENTIAL,
    )
    for number, word in (
        (Number.SINGULAR, verb.present.singular),
        (Number.PLURAL, verb.present.plural),
    )
} | {"does": (None, Number.SINGULAR), "do": (None, Number.PLURAL)}
seeds = st.integers(0, 2**32)


def lower(words):
    return (words[0].lower() if words[0] not in lexicon.NAMES else words[0], *words[1:])


@given(seeds)
def test_every_agreement_holds_in_the_words(seed):
    rng = np.random.default_rng(seed)
    for _ in range(20):
        parse = sentence(rng)
        words = lower(parse.words)
        for agreement in parse.agreements:
            _, number = VERBS[words[agreement.verb]]
            assert number is agreement.number
            subject = words[agreement.subject]
            if subject in NOUNS:
                assert NOUNS[subject][1] is number
            elif subject in lexicon.PLURAL_PRONOUNS or subject == "and":
                assert number is Number.PLURAL
            else:
                assert subject in (*lexicon.NAMES, *lexicon.SINGULAR_PRONOUNS)
                assert number is Number.SINGULAR


@given(seeds)
def test_every_present_verb_is_an_agreement(seed):
    rng = np.random.default_rng(seed)
    for _ in range(20):
        parse = sentence(rng)
        words = lower(parse.words)
        agreeing = {a.verb for a in parse.agreements}
        question = words[-1] == "?"
        for place, word in enumerate(words):
            if word not in VERBS or place in agreeing:
                continue
            # A base form stands bare after a modal or, in a question, after the auxiliary.
            assert VERBS[word][1] is Number.PLURAL
            before = words[place - 1]
            if before in lexicon.ADVERBS:
                before = words[place - 2]
            assert before in lexicon.MODALS or (question and place == len(words) - 2)


@given(seeds)
def test_a_sentence_of_determiner_noun_and_verb_agrees_without_its_annotation(seed):
    rng = np.random.default_rng(seed)
    for _ in range(40):
        words = lower(sentence(rng).words)
        first, noun, verb = words[:3]
        if first == "the" and noun in NOUNS and verb in VERBS:
            assert NOUNS[noun][1] is VERBS[verb][1]


@given(seeds)
def test_held_out_pairs_never_appear(seed):
    rng = np.random.default_rng(seed)
    for _ in range(40):
        parse = sentence(rng)
        words = lower(parse.words)
        for agreement in parse.agreements:
            subject, (verb, _) = words[agreement.subject], VERBS[words[agreement.verb]]
            if verb is not None and subject in NOUNS:
                assert (NOUNS[subject][0], verb.present) not in held_out_verbs()
        for noun, preposition, _, inner in zip(
            words, words[1:], words[2:], words[3:], strict=False
        ):
            if noun in NOUNS and preposition in lexicon.PREPOSITIONS and inner in NOUNS:
                assert (NOUNS[noun][0], NOUNS[inner][0]) not in held_out_modifiers()


def test_a_quarter_of_the_pairs_is_held_out():
    nouns = len(lexicon.PEOPLE) + len(lexicon.THINGS)
    assert len(held_out_verbs()) == nouns * len(lexicon.AGREEMENT_VERBS) // 4
    assert len(held_out_modifiers()) == nouns * len(lexicon.THINGS) // 4


@pytest.fixture(scope="module")
def sample():
    rng = np.random.default_rng(0)
    return [sentence(rng) for _ in range(4000)]


def test_every_construction_appears(sample):
    texts = [" ".join(lower(parse.words)) for parse in sample]
    joined = " <eos> ".join(texts)
    words = set(joined.split())
    assert words >= {*lexicon.NAMES, *lexicon.MODALS, *lexicon.ADVERBS, "and", "that", "?"}
    assert sum(text.endswith("?") for text in texts) > 200
    noun = "|".join(NOUNS)
    assert re.search(rf"\b({noun}) that the ({noun}) ", joined)
    assert re.search(rf"\b({noun}) the ({noun}) ", joined)
    assert re.search(rf"near the ({noun}) behind the ({noun})", joined)
    assert re.search(r"says that ", joined)


def test_the_numbers_are_as_frequent_as_meant(sample):
    numbers = [a.number for p in sample for a in p.agreements if lower(p.words)[a.subject] in NOUNS]
    share = np.mean([number is Number.SINGULAR for number in numbers])
    assert abs(share - 0.58) < 0.03


def test_attractors_appear_in_both_directions(sample):
    found = set()
    for parse in sample:
        words = lower(parse.words)
        for a in parse.agreements:
            last = words[a.verb - 1]
            if words[a.subject] in NOUNS and last in NOUNS and a.subject != a.verb - 1:
                found.add((NOUNS[words[a.subject]][1], NOUNS[last][1]))
    assert len(found) == 4


def test_the_vocabulary_is_that_of_the_sentences_and_holds_the_tasks(sample):
    assert {word for parse in sample for word in parse.words} <= set(VOCABULARY.words)
    assert ENGLISH.words() <= set(VOCABULARY.words)


def test_a_round_is_the_same_each_time_and_differs_from_the_next():
    corpus = GrammarCorpus(n_sentences=50, seed=3)
    first = corpus.round(0)
    assert np.array_equal(first, GrammarCorpus(n_sentences=50, seed=3).round(0))
    assert not np.array_equal(first, corpus.round(1))
    assert not np.array_equal(first, GrammarCorpus(n_sentences=50, seed=4).round(0))
    assert np.sum(first == corpus.end) == 50
    assert first[-1] == corpus.end
    assert not np.any(first == VOCABULARY.index[VOCABULARY.unknown])
