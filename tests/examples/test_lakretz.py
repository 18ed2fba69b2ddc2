"""The reader of the published files: the same sentences as the generator's, or an error with file
and line."""

from pathlib import Path

import pytest

from examples.lstm_agreement.errors import StudyError
from examples.lstm_agreement.sentences.lakretz import FILES, read_task
from examples.lstm_agreement.sentences.lexicon import Forms
from examples.lstm_agreement.sentences.tasks import NAME_PP, NOUN_PP, SIMPLE, TASKS, Noun, Number

LEXICON = """category\tsingular\tplural
subject_noun\tboy\tboys
location_noun\tcar\tcars
verb\tsees\tsee
"""
PUBLISHED = Path(__file__).parents[3] / "shared" / "data" / "lakretz_na_tasks"


def write(folder, task, text):
    (folder / "lexicon.tsv").write_text(LEXICON)
    (folder / FILES[task.name]).write_text(text)


def test_reads_a_sentence(tmp_path):
    write(
        tmp_path,
        NOUN_PP,
        "The boys near the car see\tplural_singular\tcorrect\tid4\n"
        "The boys near the car sees\tplural_singular\twrong\tid4\n",
    )
    (sentence,) = read_task(NOUN_PP, tmp_path)
    assert sentence.tokens == ("The", "boys", "near", "the", "car")
    assert (sentence.task, sentence.condition, sentence.group) == ("nounPP", "PS", 0)
    assert (sentence.correct, sentence.wrong) == ("see", "sees")
    assert sentence.subject == Noun(1, Forms("boy", "boys"), Number.PLURAL)
    assert sentence.intervening == Noun(4, Forms("car", "cars"), Number.SINGULAR)


def test_a_name_counts_as_singular(tmp_path):
    write(
        tmp_path,
        NAME_PP,
        "The boys near Mary see\tplural\tcorrect\tid1\n"
        "The boys near Mary sees\tplural\twrong\tid1\n",
    )
    (sentence,) = read_task(NAME_PP, tmp_path)
    assert sentence.condition == "PS"
    assert sentence.intervening is None


GOOD = "The boy sees\tsingular\tcorrect\tid1\nThe boy see\tsingular\twrong\tid1\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (GOOD.replace("\t", " "), r"simple.txt:1: expected 4 tab-separated"),
        (GOOD + GOOD.splitlines()[0], r"simple.txt:3: the last line has no partner"),
        (
            GOOD.replace("\twrong", "\tcorrect"),
            r"simple.txt:1: a correct line and then the wrong line",
        ),
        (GOOD.replace("wrong\tid1", "wrong\tid2"), r"simple.txt:1: .*correct id1, wrong id2"),
        (
            GOOD.replace("The boy see\t", "The boys see\t"),
            r"simple.txt:1: .* must differ in the last word",
        ),
        (GOOD.replace("see\t", "sees\t"), r"simple.txt:1: .* must differ in the last word"),
        (GOOD.replace("singular", "dual"), r"simple.txt:1: .*singular or plural, got 'dual'"),
        (GOOD.replace("wrong", "false"), r"simple.txt:2: column 3 .* got 'false'"),
        (
            GOOD.replace("The", "The old"),
            r"simple.txt:1: Simple has 2 words before the verb, this line has 3",
        ),
        (
            GOOD.replace("singular", "singular_plural"),
            r"simple.txt:1: Simple takes 1 number.*got 2",
        ),
        (GOOD.replace("boy", "dog"), r"simple.txt:1: 'dog' \(word 2\) is no noun"),
        (GOOD.replace("boy", "boys"), r"simple.txt:1: 'boys' \(word 2\) is not singular"),
    ],
)
def test_malformed_lines_are_named(tmp_path, text, message):
    write(tmp_path, SIMPLE, text)
    with pytest.raises(StudyError, match=message):
        read_task(SIMPLE, tmp_path)


def test_missing_files(tmp_path):
    with pytest.raises(
        StudyError, match=r"lexicon.tsv does not exist; the folder of published tasks must hold"
    ):
        read_task(SIMPLE, tmp_path)
    (tmp_path / "lexicon.tsv").write_text("category\tsingular\nsubject_noun\tboy\n")
    with pytest.raises(
        StudyError, match=r"lexicon.tsv: the first line lacks the column\(s\) plural"
    ):
        read_task(SIMPLE, tmp_path)


@pytest.mark.skipif(
    not PUBLISHED.is_dir(), reason="the published task files are not part of the project"
)
@pytest.mark.parametrize("task", TASKS, ids=lambda t: t.name)
def test_the_published_files(task):
    sentences = read_task(task, PUBLISHED)
    assert {c: sum(s.condition == c for s in sentences) for c in task.conditions} == dict.fromkeys(
        task.conditions, len(sentences) // len(task.conditions)
    )
    for s in sentences:
        assert len(s.tokens) == len(task.slots)
        assert s.tokens[s.subject.position] == s.subject.number.form_of(s.subject.forms)
        # In every verb of these files the singular is the longer form.
        assert (len(s.correct) > len(s.wrong)) == (s.condition[0] == "S")
