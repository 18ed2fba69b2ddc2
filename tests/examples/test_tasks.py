"""The generator: balanced words, matched groups, no sentence twice, no unknown word."""

from collections import Counter, defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples.lstm_agreement.errors import StudyError
from examples.lstm_agreement.sentences.lexicon import ENGLISH, Forms, Lexicon
from examples.lstm_agreement.sentences.tasks import (
    NAME_PP,
    NOUN_PP,
    NOUN_PP_ADV,
    SIMPLE,
    TASKS,
    Number,
    generate,
)

tasks = st.sampled_from(TASKS)
seeds = st.integers(0, 2**32 - 1)
n_groups = st.integers(1, 250)


def groups_of(sentences):
    groups = defaultdict(list)
    for sentence in sentences:
        groups[sentence.group].append(sentence)
    return groups


def number_free(sentence):
    """The sentence with each noun and the verb replaced by its pair of forms."""
    tokens = list(sentence.tokens)
    for noun in (sentence.subject, sentence.intervening):
        if noun is not None:
            tokens[noun.position] = (noun.forms.singular, noun.forms.plural)
    return (*tokens, frozenset({sentence.correct, sentence.wrong}))


@given(task=tasks, n=n_groups, seed=seeds)
def test_every_group_is_matched(task, n, seed):
    groups = groups_of(generate(task, n, seed=seed))
    assert len(groups) == n
    for sentences in groups.values():
        assert [s.condition for s in sentences] == list(task.conditions)
        assert len({number_free(s) for s in sentences}) == 1


@given(task=tasks, n=n_groups, seed=seeds)
def test_no_sentence_twice(task, n, seed):
    sentences = generate(task, n, seed=seed)
    assert len({(s.tokens, s.correct) for s in sentences}) == len(sentences)


@given(task=tasks, n=n_groups, seed=seeds)
def test_words_of_a_slot_are_balanced(task, n, seed):
    sentences = [s for s in generate(task, n, seed=seed) if s.condition == task.conditions[0]]
    for position, slot in enumerate(task.slots):
        entries = getattr(ENGLISH, slot.value)
        if isinstance(entries, str):
            assert {s.tokens[position] for s in sentences} == {entries}
            continue
        words = [e.singular if isinstance(e, Forms) else e for e in entries]
        counts = Counter(s.tokens[position] for s in sentences)
        assert set(counts) <= set(words)
        assert max(counts.values()) - min(counts[w] for w in words) <= 1
    verbs = Counter(s.correct for s in sentences)
    assert max(verbs.values()) - min(verbs[v.singular] for v in ENGLISH.verbs) <= 1


@given(task=tasks, n=n_groups, seed=seeds)
def test_nouns_and_verbs_have_the_number_of_the_condition(task, n, seed):
    singular_verbs = {v.singular for v in ENGLISH.verbs}
    for s in generate(task, n, seed=seed):
        nouns = [noun for noun in (s.subject, s.intervening) if noun is not None]
        for noun, letter in zip(nouns, s.condition, strict=False):
            assert noun.number is Number(letter)
            assert s.tokens[noun.position] == noun.number.form_of(noun.forms)
        assert (s.correct in singular_verbs) == (s.condition[0] == "S")
        assert (s.wrong in singular_verbs) == (s.condition[0] == "P")


@given(
    task=tasks,
    seed=seeds,
    unknown=st.sets(st.sampled_from(sorted(ENGLISH.words() - {"The", "the"})), max_size=20),
)
def test_unknown_words_are_left_out(task, seed, unknown):
    known = ENGLISH.words() - unknown
    for sentence in generate(task, 20, seed=seed, vocabulary=known):
        assert sentence.words() <= known


def test_all_groups_that_the_words_allow():
    few = Lexicon(
        determiner="The",
        article="the",
        subjects=(
            Forms("boy", "boys"),
            Forms("girl", "girls"),
            Forms("man", "men"),
            Forms("king", "kings"),
        ),
        places=(Forms("car", "cars"), Forms("tree", "trees")),
        verbs=(Forms("knows", "know"), Forms("sees", "see")),
        prepositions=("near", "behind", "beside"),
        adverbs=("probably", "often"),
        names=("Mary",),
    )
    sentences = generate(NOUN_PP_ADV, 96, lexicon=few)
    assert len({number_free(s) for s in sentences}) == 4 * 3 * 2 * 2 * 2
    with pytest.raises(StudyError, match=r"n_groups must be from 1 to 96 for nounPPAdv.*got 97"):
        generate(NOUN_PP_ADV, 97, lexicon=few)


def test_seed_decides():
    assert generate(NOUN_PP, 30, seed=3) == generate(NOUN_PP, 30, seed=3)
    assert generate(NOUN_PP, 30, seed=3) != generate(NOUN_PP, 30, seed=4)


def test_positions():
    assert (NOUN_PP.subject, NOUN_PP.intervening) == (1, 4)
    assert (NAME_PP.subject, NAME_PP.intervening) == (1, None)
    assert (len(SIMPLE.slots), len(NOUN_PP.slots), len(NOUN_PP_ADV.slots)) == (2, 5, 6)


def test_lexicon_has_no_word_in_two_roles():
    forms = [*ENGLISH.subjects, *ENGLISH.places, *ENGLISH.verbs]
    words = [w for f in forms for w in (f.singular, f.plural)]
    words += [
        *ENGLISH.prepositions,
        *ENGLISH.adverbs,
        *ENGLISH.names,
        ENGLISH.determiner,
        ENGLISH.article,
    ]
    assert len(words) == len(set(words)) == len(ENGLISH.words())


@pytest.mark.parametrize("n", [0, -1])
def test_no_group(n):
    with pytest.raises(StudyError, match=f"n_groups must be from 1 .*got {n}"):
        generate(SIMPLE, n)


def test_vocabulary_without_a_slot():
    known = ENGLISH.words() - set(ENGLISH.adverbs)
    with pytest.raises(StudyError, match="none of the 8 adverbs"):
        generate(SIMPLE, 2, vocabulary=known)
    with pytest.raises(StudyError, match="lacks 'The'"):
        generate(SIMPLE, 2, vocabulary={"the"})
