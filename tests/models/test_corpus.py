"""Words, rounds and batches."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pathflow._errors import ArgumentError, ShapeError
from pathflow.models import Position, SentenceCorpus, Vocabulary, batches

END = 1
sentences = st.lists(st.lists(st.integers(2, 30), min_size=0, max_size=6), min_size=1, max_size=30)


def joined(lists):
    return np.array([word for sentence in lists for word in [*sentence, END]], np.uint16)


def split(words):
    ends = np.flatnonzero(words == END) + 1
    return sorted(tuple(part.tolist()) for part in np.split(words, ends[:-1]))


@given(sentences, st.integers(0, 3), st.data())
def test_a_round_holds_every_sentence_as_often_as_asked(lists, index, data):
    repeats = np.array(
        data.draw(st.lists(st.integers(0, 3), min_size=len(lists), max_size=len(lists)))
    )
    if not repeats.any():
        repeats[0] = 1
    corpus = SentenceCorpus(joined(lists), END, repeats, seed=7)
    expected = sorted(
        (*sentence, END) for sentence, n in zip(lists, repeats, strict=True) for _ in range(n)
    )
    assert split(corpus.round(index)) == expected
    assert np.array_equal(corpus.round(index), corpus.round(index))


def test_rounds_and_seeds_differ_in_order():
    lists = [[word] for word in range(2, 30)]
    orders = [SentenceCorpus(joined(lists), END, seed=s).round(r) for s in (0, 1) for r in (0, 1)]
    assert all(not np.array_equal(a, b) for a, b in itertools.combinations(orders, 2))


def test_malformed_texts_are_refused():
    with pytest.raises(ShapeError, match="close every sentence"):
        SentenceCorpus(np.array([3, END, 4]), END)
    with pytest.raises(ShapeError, match="close every sentence"):
        SentenceCorpus(np.zeros(0, int), END)
    with pytest.raises(ShapeError, match=r"repeats=.*one number per sentence, \(2,\)"):
        SentenceCorpus(np.array([3, END, 4, END]), END, np.array([1, 2, 3]))


@given(st.integers(1, 5), st.integers(1, 7), st.integers(0, 10), st.booleans())
def test_batches_read_each_row_on_from_where_it_stood(batch_size, n_steps, begin, reset):
    rng = np.random.default_rng(0)
    lists = [rng.integers(2, 30, rng.integers(1, 5)).tolist() for _ in range(60)]
    corpus = SentenceCorpus(joined(lists), END)
    source = batches(corpus, batch_size, n_steps, Position(), reset_at_end=reset)
    taken = [next(source)]
    while taken[-1][1].batch:
        taken.append(next(source))
    first = list(taken)
    taken += itertools.islice(source, 12)
    inputs = np.concatenate([batch.inputs for batch, _ in first])
    keep = np.concatenate([batch.keep for batch, _ in first])
    rows = inputs.T.reshape(-1)
    assert np.array_equal(rows, corpus.round(0)[: len(rows)])
    for batch, _ in taken:
        assert np.array_equal(batch.targets[:-1], batch.inputs[1:])
    expected = np.ones_like(keep)
    if reset:
        expected[1:] = inputs[:-1] != END
    expected[0] = 0
    assert np.array_equal(keep, expected)
    # Begun in the middle, the same batches follow.
    if begin:
        again = batches(corpus, batch_size, n_steps, taken[begin - 1][1], reset_at_end=reset)
        for (ours, where), (theirs, there) in zip(again, taken[begin : begin + 5], strict=False):
            assert where == there
            assert all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))


def test_a_round_too_short_for_a_batch_is_refused():
    corpus = SentenceCorpus(joined([[2, 3], [4]]), END)
    with pytest.raises(ArgumentError, match="A round of 5 words is too short"):
        next(batches(corpus, 2, 4, Position()))


def test_words_become_numbers_and_back():
    vocabulary = Vocabulary(("<unk>", "<eos>", "the", "keys"))
    numbers = vocabulary.encode(["the", "zebra", "keys", "<eos>"])
    assert numbers.tolist() == [2, 0, 3, 1]
    assert vocabulary.decode(numbers) == ["the", "<unk>", "keys", "<eos>"]
    assert len(vocabulary) == 4
    assert "keys" in vocabulary
    assert "zebra" not in vocabulary
    assert vocabulary.sha256 != Vocabulary(("<unk>", "<eos>", "keys", "the")).sha256


def test_word_lists_that_are_none_are_refused():
    with pytest.raises(ArgumentError, match=r"the occur\(s\) twice"):
        Vocabulary(("<unk>", "<eos>", "the", "the"))
    with pytest.raises(ArgumentError, match="end='<eos>'"):
        Vocabulary(("<unk>", "the"))


def test_a_position_beyond_its_round():
    """As of a training with another text: there is no batch to go on with, ever."""
    corpus = SentenceCorpus(joined([[2, 3, 4]] * 6), END)
    _, after = next(batches(corpus, 2, 3, Position(0, 2)))
    assert after == Position(1, 0)
    with pytest.raises(ArgumentError, match=r"has 3 batches, and Position\(round=0, batch=3\)"):
        next(batches(corpus, 2, 3, Position(0, 3)))
