"""Sentences with clauses: matched groups, agreement of every verb, and the published files."""

import lzma
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples.lstm_agreement.errors import StudyError
from examples.lstm_agreement.sentences.clauses import (
    CLAUSE_TASKS,
    COMPLEMENT,
    COORDINATION,
    OBJECT_RELATIVE,
    SUBJECT_RELATIVE,
    WORDS,
    count_groups,
    generate_clauses,
)
from examples.lstm_agreement.sentences.lakretz import ADV_ADV, ADV_CONJUNCTION, read_task
from examples.lstm_agreement.sentences.lexicon import ENGLISH, Forms
from examples.lstm_agreement.sentences.marvin_linzen import (
    REFLEXIVE_FILES,
    VERB_FILES,
    PairFile,
    Subject,
    read_pairs,
)
from examples.lstm_agreement.sentences.tasks import NOUN_PP_ADV, Noun, Number

DATA = Path(__file__).parents[3] / "shared" / "data"
LAKRETZ, PAIRS = DATA / "lakretz_na_tasks", DATA / "marvin_linzen"
SINGULAR = {f.singular for forms in (ENGLISH.subjects, *WORDS.values()) for f in forms}
PLURAL = {f.plural for forms in (ENGLISH.subjects, *WORDS.values()) for f in forms}
tasks = st.sampled_from([*CLAUSE_TASKS, *(t.up_to_first_verb() for t in CLAUSE_TASKS)])
seeds = st.integers(0, 2**32 - 1)


def is_plural(word):
    assert (word in SINGULAR) != (word in PLURAL)
    return word in PLURAL


@given(task=tasks, n=st.integers(1, 40), seed=seeds)
def test_groups_are_matched_and_every_verb_agrees_with_its_own_noun(task, n, seed):
    sentences = generate_clauses(task, n, seed=seed)
    assert [s.condition for s in sentences] == list(task.conditions) * n
    assert len({(s.tokens, s.correct) for s in sentences}) == len(sentences)
    for s in sentences:
        words = [*s.tokens, s.correct]
        assert len(words) == len(task.parts)
        assert s.tokens[s.subject.position] == s.subject.number.form_of(s.subject.forms)
        assert s.condition == s.subject.number.value + (
            s.intervening.number.value if s.intervening else ""
        )
        for part, word in zip(task.parts, words, strict=True):
            if isinstance(part, str):
                assert part == word
            elif hasattr(part, "agrees"):
                subject = words[task.parts.index(part.agrees)]
                assert is_plural(word) == is_plural(subject)
        assert is_plural(s.wrong) != is_plural(s.correct)
        nouns = [n.forms for n in (s.subject, s.intervening) if n is not None]
        assert len(set(nouns)) == len(nouns)
    for group in range(n):
        same = [s for s in sentences if s.group == group]
        assert len({s.subject.forms for s in same}) == 1
        assert len({frozenset((s.correct, s.wrong)) for s in same}) == 1


@given(task=tasks, seed=seeds)
def test_words_of_a_slot_are_balanced(task, seed):
    n = min(48, count_groups(task))
    sentences = generate_clauses(task, n, seed=seed)[:: len(task.conditions)]
    counts = Counter(s.subject.forms for s in sentences)
    assert len(counts) == 12
    assert max(counts.values()) - min(counts.values()) <= 1


def test_where_things_stand():
    assert (SUBJECT_RELATIVE.subject, SUBJECT_RELATIVE.intervening) == (1, 5)
    assert (SUBJECT_RELATIVE.crossed, OBJECT_RELATIVE.crossed, COORDINATION.crossed) == (3, 4, 2)
    # The outer noun of a complement stands before the subject that is asked about.
    assert (COMPLEMENT.subject, COMPLEMENT.intervening, COMPLEMENT.crossed) == (4, 1, None)
    first = OBJECT_RELATIVE.up_to_first_verb()
    assert (first.subject, first.intervening, first.first_verb) == (3, 1, None)
    with pytest.raises(StudyError, match="one verb alone"):
        first.up_to_first_verb()


def test_unknown_words_are_left_out_or_named():
    known = {"The", "the", "that", *SINGULAR, *PLURAL} - {"likes", "boys"}
    for s in generate_clauses(SUBJECT_RELATIVE, 40, vocabulary=known):
        assert s.words() <= known
    assert count_groups(SUBJECT_RELATIVE, known) == 11 * 7 * 12 * 17
    with pytest.raises(StudyError, match="lacks 'that'"):
        generate_clauses(SUBJECT_RELATIVE, 1, vocabulary=known - {"that"})
    with pytest.raises(StudyError, match="holds 0 of the 8 transitive verbs"):
        generate_clauses(
            SUBJECT_RELATIVE, 1, vocabulary=known - {f.plural for f in WORDS["transitive"]}
        )
    with pytest.raises(StudyError, match=r"from 1 to .* for coordination.*got 0"):
        generate_clauses(COORDINATION, 0)


def pairs(folder, *lines, subject=Subject.FIRST):
    text = "case\tgrammatical\tungrammatical\n" + "".join(f"{line}\n" for line in lines)
    (folder / "some.tsv.xz").write_bytes(lzma.compress(text.encode()))
    return read_pairs(PairFile("some", subject), folder)


GOOD = "plur_MS_EV_MV_sing_ES\tthe pilots that like the taxi driver are tall\tthe pilots that like"
GOOD += " the taxi driver is tall"


def test_a_pair(tmp_path):
    (found,) = pairs(tmp_path, GOOD)
    assert found.tokens == ("The", "pilots", "that", "like", "the", "taxi", "driver")
    assert found.subject == Noun(1, Forms("pilot", "pilots"), Number.PLURAL)
    assert found.intervening == Noun(6, Forms("driver", "drivers"), Number.SINGULAR)
    assert (found.condition, found.correct, found.wrong) == ("PS", "are", "is")


def test_the_last_noun_can_be_the_subject(tmp_path):
    line = "sing_ES_EV_plur_MS_MV\tthe pilots the boy likes\tthe pilots the boy like"
    (found,) = pairs(tmp_path, line, subject=Subject.LAST)
    assert (found.condition, found.subject.position, found.intervening.position) == ("SP", 3, 1)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (GOOD.replace("\t", " "), r"some.tsv.xz:2: expected 3 tab-separated"),
        (GOOD.replace("is tall", "is short"), "must differ in one word"),
        (GOOD.replace("is tall", "is"), "must differ in one word"),
        (GOOD.replace("the ", "a "), "one or two nouns after .*got 0"),
        (GOOD.replace("that like", "the boy the"), "got 4 nouns"),
        (GOOD.replace("plur_", "sing_"), r"'pilots' \(word 2\) is not singular"),
        (GOOD.replace("sing_", "plur_"), r"'driver' \(word 7\) is not plural"),
    ],
)
def test_malformed_pairs_are_named(tmp_path, line, message):
    with pytest.raises(StudyError, match=message):
        pairs(tmp_path, line)


def test_a_file_that_is_not_there_or_no_archive(tmp_path):
    with pytest.raises(StudyError, match=r"some.tsv.xz does not exist"):
        read_pairs(PairFile("some"), tmp_path)
    (tmp_path / "some.tsv.xz").write_bytes(b"text")
    with pytest.raises(StudyError, match="no xz-compressed text"):
        read_pairs(PairFile("some"), tmp_path)


@pytest.mark.skipif(not PAIRS.is_dir(), reason="the minimal pairs are not part of the project")
def test_the_published_pairs():
    n_all = 0
    for file in (*VERB_FILES, *REFLEXIVE_FILES):
        sentences = read_pairs(file, PAIRS)
        n_all += len(sentences)
        counts = Counter(s.condition for s in sentences)
        # Every file has as many sentences of each condition.
        assert len(set(counts.values())) == 1, file.name
        assert set(counts) in ({"S", "P"}, {"SS", "SP", "PS", "PP"}), file.name
        for s in sentences[:: len(sentences) // 20]:
            assert s.correct != s.wrong
            if s.correct in ("is", "are"):
                assert (s.correct == "is") == (s.condition[0] == "S")
            if s.correct in ("himself", "herself", "themselves"):
                assert (s.correct == "themselves") == (s.condition[0] == "P")
    assert n_all == 147_260


@pytest.mark.skipif(not LAKRETZ.is_dir(), reason="the published files are not part of the project")
@pytest.mark.parametrize(
    "task",
    [*CLAUSE_TASKS[:3], ADV_ADV, ADV_CONJUNCTION, NOUN_PP_ADV],
    ids=lambda t: t.name,
)
def test_the_published_tasks(task):
    sentences = read_task(task, LAKRETZ)
    assert {c: sum(s.condition == c for s in sentences) for c in task.conditions} == dict.fromkeys(
        task.conditions, len(sentences) // len(task.conditions)
    )
    for s in sentences:
        assert (len(s.correct) > len(s.wrong)) == (s.condition[0] == "S")
        crossed = getattr(task, "crossed", None)
        if crossed is not None:
            agreed = s.subject if task is SUBJECT_RELATIVE else s.intervening
            # In every verb of these files the singular is the form with an "s".
            assert s.tokens[crossed].endswith("s") == (agreed.number is Number.SINGULAR)
