"""Reader of the published agreement tasks (Lakretz et al. 2019, NAACL).

The files hold two lines per sentence, which differ in the verb and in nothing else:

    The boy near the cars greets <TAB> singular_plural <TAB> correct <TAB> id7
    The boy near the cars greet  <TAB> singular_plural <TAB> wrong   <TAB> id7

They name no forms that do not occur, so the forms of a noun come from a lexicon file of `category`,
`singular` and `plural` columns that stands beside them. Their conditions are sampled apart: there
are no matched groups, and every sentence is a group of its own.
"""

import csv
from collections.abc import Mapping
from pathlib import Path

from examples.lstm_agreement.errors import StudyError
from examples.lstm_agreement.sentences.clauses import (
    OBJECT_RELATIVE,
    OBJECT_RELATIVE_THAT,
    SUBJECT_RELATIVE,
    ClauseTask,
)
from examples.lstm_agreement.sentences.lexicon import Forms
from examples.lstm_agreement.sentences.tasks import (
    ADV,
    NAME_PP,
    NOUN_PP,
    NOUN_PP_ADV,
    SIMPLE,
    Noun,
    Number,
    Sentence,
    Slot,
    Task,
)

# Of these there are published sentences only.
ADV_ADV = Task("Adv_Adv", (*ADV.slots, Slot.ADVERB), ADV.conditions)
ADV_CONJUNCTION = Task(
    "Adv_Conjunction", (*ADV.slots, Slot.CONJUNCTION, Slot.ADVERB), ADV.conditions
)
FILES = {
    SIMPLE.name: "simple.txt",
    ADV.name: "adv.txt",
    NAME_PP.name: "namepp.txt",
    NOUN_PP.name: "nounpp.txt",
    NOUN_PP_ADV.name: "nounpp_adv.txt",
    ADV_ADV.name: "adv_adv.txt",
    ADV_CONJUNCTION.name: "adv_conjunction.txt",
    SUBJECT_RELATIVE.name: "subjrel_that.txt",
    OBJECT_RELATIVE_THAT.name: "objrel_that.txt",
    OBJECT_RELATIVE.name: "objrel.txt",
}
_LEXICON = "lexicon.tsv"
_NUMBERS = {"singular": Number.SINGULAR, "plural": Number.PLURAL}
_NOUN_CATEGORIES = {"subject_noun", "location_noun"}


def read_task(task: Task | ClauseTask, folder: Path) -> tuple[Sentence, ...]:
    """Reads the published sentences of a task.

    Arguments:
        task: which task.
        folder: where the task files and `lexicon.tsv` are.

    Raises:
        StudyError: a file is missing, or a line is not in the format (the message names file and
            line).
    """
    nouns = read_nouns(folder / _LEXICON)
    path = folder / FILES[task.name]
    lines = [(i, line) for i, line in enumerate(_lines(path), 1) if line.strip()]
    if len(lines) % 2:
        raise StudyError(
            f"{path}:{lines[-1][0]}: the last line has no partner; lines come in correct/wrong "
            "pairs."
        )
    pairs = zip(lines[::2], lines[1::2], strict=True)
    return tuple(_sentence(task, path, group, *pair, nouns) for group, pair in enumerate(pairs))


def read_nouns(path: Path) -> dict[str, Forms]:
    """Maps every noun form of a lexicon file to its singular and plural forms.

    Raises:
        StudyError: the file is missing or lacks one of the columns category, singular, plural.
    """
    rows = csv.DictReader(_lines(path), delimiter="\t")
    missing = {"category", "singular", "plural"} - set(rows.fieldnames or ())
    if missing:
        raise StudyError(
            f"{path}: the first line lacks the column(s) {', '.join(sorted(missing))}."
        )
    forms = {}
    for row in rows:
        if row["category"] in _NOUN_CATEGORIES:
            entry = Forms(row["singular"], row["plural"])
            forms |= {entry.singular: entry, entry.plural: entry}
    return forms


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise StudyError(
            f"{path} does not exist; the folder of published tasks must hold {_LEXICON} and "
            f"{', '.join(FILES.values())}."
        ) from None


def _sentence(
    task: Task | ClauseTask,
    path: Path,
    group: int,
    first: tuple[int, str],
    second: tuple[int, str],
    nouns: Mapping[str, Forms],
) -> Sentence:
    where = f"{path}:{first[0]}"
    words, numbers, mark, identity = _fields(path, *first)
    other, other_numbers, other_mark, other_identity = _fields(path, *second)
    if (mark, other_mark) != ("correct", "wrong") or identity != other_identity:
        raise StudyError(
            f"{where}: a correct line and then the wrong line of the same id must follow each "
            f"other; got {mark} {identity}, {other_mark} {other_identity}."
        )
    if words[:-1] != other[:-1] or words[-1] == other[-1] or numbers != other_numbers:
        raise StudyError(
            f"{where}: the two lines of {identity} must differ in the last word and in nothing "
            "else."
        )
    if len(words) != len(task.slots) + 1:
        raise StudyError(
            f"{where}: {task.name} has {len(task.slots)} words before the verb, this line has "
            f"{len(words) - 1}."
        )
    positions = [p for p in (task.subject, task.intervening) if p is not None]
    if len(numbers) != len(positions):
        raise StudyError(
            f"{where}: {task.name} takes {len(positions)} number(s) in column 2, got "
            f"{len(numbers)}."
        )
    subject, *rest = [
        _noun(where, p, words[p], n, nouns) for p, n in zip(positions, numbers, strict=True)
    ]
    letters = "".join(n.value for n in numbers)
    return Sentence(
        task=task.name,
        # The files give a name no number; as a condition it is singular.
        condition=letters.ljust(len(task.conditions[0]), Number.SINGULAR.value),
        group=group,
        tokens=tuple(words[:-1]),
        subject=subject,
        intervening=rest[0] if rest else None,
        correct=words[-1],
        wrong=other[-1],
    )


def _fields(path: Path, number: int, line: str) -> tuple[list[str], tuple[Number, ...], str, str]:
    fields = line.split("\t")
    if len(fields) != 4:
        raise StudyError(
            f"{path}:{number}: expected 4 tab-separated columns (sentence, numbers, correct or "
            f"wrong, id), got {len(fields)}."
        )
    sentence, numbers, mark, identity = (field.strip() for field in fields)
    unknown = [n for n in numbers.split("_") if n not in _NUMBERS]
    if unknown:
        raise StudyError(
            f"{path}:{number}: a number must be singular or plural, got {unknown[0]!r}."
        )
    if mark not in ("correct", "wrong"):
        raise StudyError(f"{path}:{number}: column 3 must be correct or wrong, got {mark!r}.")
    return sentence.split(), tuple(_NUMBERS[n] for n in numbers.split("_")), mark, identity


def _noun(where: str, position: int, word: str, number: Number, nouns: Mapping[str, Forms]) -> Noun:
    if word not in nouns:
        raise StudyError(f"{where}: {word!r} (word {position + 1}) is no noun of {_LEXICON}.")
    if number.form_of(nouns[word]) != word:
        raise StudyError(
            f"{where}: {word!r} (word {position + 1}) is not {number.name.lower()}, as column 2 "
            "says."
        )
    return Noun(position, nouns[word], number)
