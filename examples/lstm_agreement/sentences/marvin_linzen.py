"""Reader of the published minimal pairs of Marvin and Linzen (2018).

Each file is an xz-compressed table of three columns, and the two sentences of a line differ in one
word, the verb or the reflexive:

    case <TAB> grammatical <TAB> ungrammatical
    sing_MS_EV_MV_sing_ES <TAB> the author that likes the guard laughs <TAB> ... laugh

What follows this word is left out. The files name no other forms of the nouns; all of these take
"-s". Sentences of one file differ in length.
"""

import enum
import lzma
from dataclasses import dataclass
from pathlib import Path

from examples.lstm_agreement.errors import StudyError
from examples.lstm_agreement.sentences.lexicon import Forms
from examples.lstm_agreement.sentences.tasks import Noun, Number, Sentence

_NUMBERS = {"sing": Number.SINGULAR, "plur": Number.PLURAL}
_SUFFIX = ".tsv.xz"
# Words after "the" that are no noun asked about, in "to the side of the" and "the taxi driver".
_NO_NOUN, _FIRST_PART = "side", "taxi"


class Subject(enum.Enum):
    """Which noun of the words before the one asked about has the number that it must have."""

    FIRST = 0
    LAST = -1


@dataclass(frozen=True)
class PairFile:
    """A file of minimal pairs.

    Arguments:
        name: of the file, without its ending.
        subject: which noun is agreed with.
    """

    name: str
    subject: Subject = Subject.FIRST


REFLEXIVE_FILES = (
    PairFile("simple_reflexives"),
    PairFile("reflexive_sent_comp", Subject.LAST),
    PairFile("reflexives_across"),
)
VERB_FILES = (
    PairFile("simple_agrmt"),
    PairFile("sent_comp", Subject.LAST),
    PairFile("vp_coord"),
    PairFile("long_vp_coord"),
    PairFile("prep_anim"),
    PairFile("prep_inanim"),
    PairFile("subj_rel"),
    *(
        PairFile(f"obj_rel_{comp}{place}_{kind}", subject)
        for comp in ("", "no_comp_")
        for place, subject in (("across", Subject.FIRST), ("within", Subject.LAST))
        for kind in ("anim", "inanim")
    ),
)


def read_pairs(file: PairFile, folder: Path) -> tuple[Sentence, ...]:
    """Reads a file; the sentences begin with "The".

    The condition has the subject's number first and then that of the other noun, wherever it
    stands. The other noun is `intervening`, and every line is a group of its own.

    Raises:
        StudyError: the file is missing or damaged, or a line is not in the format (the message
            names file and line).
    """
    path = folder / f"{file.name}{_SUFFIX}"
    try:
        lines = lzma.decompress(path.read_bytes()).decode().splitlines()
    except FileNotFoundError:
        raise StudyError(
            f"{path} does not exist; the folder of minimal pairs must hold files such as "
            f"{VERB_FILES[0].name}{_SUFFIX}."
        ) from None
    except (lzma.LZMAError, UnicodeDecodeError) as error:
        raise StudyError(f"{path} is no xz-compressed text ({error}).") from error
    return tuple(
        _sentence(file, f"{path}:{number}", number - 2, line)
        for number, line in enumerate(lines, 1)
        if number > 1
    )


def _sentence(file: PairFile, where: str, group: int, line: str) -> Sentence:
    fields = line.split("\t")
    if len(fields) != 3:
        raise StudyError(
            f"{where}: expected 3 tab-separated columns (case, grammatical, ungrammatical), got "
            f"{len(fields)}."
        )
    case, good, bad = fields[0].split("_"), fields[1].split(), fields[2].split()
    differ = [i for i, (a, b) in enumerate(zip(good, bad, strict=False)) if a != b]
    if len(good) != len(bad) or len(differ) != 1:
        raise StudyError(f"{where}: the two sentences must differ in one word and in no other.")
    tokens = [good[0].capitalize(), *good[1 : differ[0]]]
    at = _noun_positions(tokens)
    # A case names the number of the noun that is agreed with first, wherever it stands.
    numbers = [_NUMBERS[part] for part in case if part in _NUMBERS]
    if not 1 <= len(at) <= 2 or not numbers:
        raise StudyError(
            f"{where}: expected one or two nouns after 'the' and a number in {fields[0]!r}, got "
            f"{len(at)} nouns."
        )
    position = at[file.subject.value]
    subject = _noun(where, position, tokens[position], numbers[0])
    other = None
    if len(numbers) > 1 and len(at) > 1:
        (where_other,) = set(at) - {position}
        other = _noun(where, where_other, tokens[where_other], numbers[1])
    return Sentence(
        task=file.name,
        condition="".join(n.value for n in (numbers if other is not None else numbers[:1])),
        group=group,
        tokens=tuple(tokens),
        subject=subject,
        intervening=other,
        correct=good[differ[0]],
        wrong=bad[differ[0]],
    )


def _noun_positions(tokens: list[str]) -> list[int]:
    """Positions of the nouns: what follows "the", or the second part of a compound."""
    found = []
    for i, word in enumerate(tokens[:-1]):
        if word.lower() != "the" or tokens[i + 1] == _NO_NOUN:
            continue
        at = i + 1 + (tokens[i + 1] == _FIRST_PART)
        if at < len(tokens):
            found.append(at)
    return found


def _noun(where: str, position: int, word: str, number: Number) -> Noun:
    singular = word.removesuffix("s") if number is Number.PLURAL else word
    forms = Forms(singular, f"{singular}s")
    if number.form_of(forms) != word or singular.endswith("s"):
        raise StudyError(
            f"{where}: {word!r} (word {position + 1}) is not {number.name.lower()}, as column 1 "
            "says."
        )
    return Noun(position, forms, number)
