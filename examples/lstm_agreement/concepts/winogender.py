"""The published templates of pronouns and occupations (Rudinger et al. 2018), with nouns of known
gender in the place of the person that the pronoun means.

A template has an occupation, another person, and a pronoun that means one of the two:

    mechanic <TAB> customer <TAB> 0 <TAB> The $OCCUPATION called to inform the $PARTICIPANT that
    $NOM_PRONOUN had completed the repair.

As published, the templates ask what a model takes an occupation's gender to be, and no form of the
word tells it. Here the person meant is a king or a queen, and so on; the other one stays as it is.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from examples.lstm_agreement.concepts.concept import AbstractSource, Example, Pair
from examples.lstm_agreement.errors import StudyError
from pathflow.models import Vocabulary

_PRONOUNS = {
    "$NOM_PRONOUN": ("he", "she"),
    "$POSS_PRONOUN": ("his", "her"),
    "$ACC_PRONOUN": ("him", "her"),
}
_PEOPLE = ("$OCCUPATION", "$PARTICIPANT")
# More words than these have too many paths to list, and fewer sentences of a condition say little.
_MOST_WORDS, _FEWEST = 6, 30


@dataclass(frozen=True)
class Template:
    """A sentence up to its pronoun: its words, where the person meant stands, and the pronouns."""

    tokens: tuple[str, ...]
    position: int
    pronouns: Pair


def read_templates(path: Path) -> tuple[Template, ...]:
    """Reads the templates.

    Raises:
        StudyError: the file is missing, or a line is not in the format (the message names file and
            line).
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise StudyError(
            f"{path} does not exist; give the folder that has templates.tsv."
        ) from None
    except UnicodeDecodeError as error:
        raise StudyError(f"{path} is no text in UTF-8 ({error}).") from error
    return tuple(_template(f"{path}:{i}", line) for i, line in enumerate(lines, 1) if i > 1)


def _template(where: str, line: str) -> Template:
    fields = line.split("\t")
    if len(fields) != 4 or fields[2] not in ("0", "1"):
        raise StudyError(
            f"{where}: expected 4 tab-separated columns (occupation, participant, 0 or 1, "
            f"sentence), got {line!r}."
        )
    names = dict(zip(_PEOPLE, fields, strict=False))
    meant = _PEOPLE[int(fields[2])]
    tokens = re.findall(r"\$\w+|[\w'-]+|[^\w\s]", fields[3])
    ends = [i for i, token in enumerate(tokens) if token in _PRONOUNS]
    if not ends or meant not in tokens[: ends[0]]:
        raise StudyError(f"{where}: no pronoun behind {meant} in {fields[3]!r}.")
    before = tokens[: ends[0]]
    position = before.index(meant)
    words = tuple(t if t == meant else names.get(t, t) for t in before)
    return Template(words, position, _PRONOUNS[tokens[ends[0]]])


@dataclass(frozen=True)
class Winogender(AbstractSource):
    """Sentences from the templates; those of one length with the source at one place are a frame.

    Frames of few sentences are left out, and templates with many words behind the source.

    Arguments:
        folder: where `templates.tsv` is.
        pairs: nouns of a man and of a woman.
    """

    folder: Path
    pairs: tuple[Pair, ...]

    def examples(self, vocabulary: Vocabulary, n: int, seed: int) -> tuple[Example, ...]:
        """See `AbstractSource.examples`."""
        rng = np.random.default_rng(seed)
        every = list(self._all(vocabulary))
        counts = Counter((e.frame, e.condition) for e in every)
        kinds = [kind for kind, count in counts.items() if count >= _FEWEST]
        if not kinds:
            raise StudyError(
                f"the model knows the words of {len(every)} sentences from the templates, and of "
                f"no kind {_FEWEST} per condition; ask a model with a larger vocabulary."
            )
        mixed = [every[i] for i in rng.permutation(len(every))]
        return tuple(
            e
            for frame, condition in kinds
            for e in [m for m in mixed if (m.frame, m.condition) == (frame, condition)][:n]
        )

    def _all(self, vocabulary: Vocabulary) -> Iterator[Example]:
        for template in read_templates(self.folder / "templates.tsv"):
            n_words = len(template.tokens) - template.position
            if n_words > _MOST_WORDS:
                continue
            frame = f"templates, word {template.position + 1} of {len(template.tokens)}"
            for pair in self.pairs:
                # The other person may be of the same word.
                if set(pair) & set(template.tokens):
                    continue
                for value, letter in enumerate("MF"):
                    tokens = list(template.tokens)
                    tokens[template.position] = pair[value]
                    good, bad = template.pronouns[value], template.pronouns[1 - value]
                    example = Example(
                        frame, letter, tuple(tokens), template.position, pair, (good,), (bad,)
                    )
                    if all(w in vocabulary for w in example.words()):
                        yield example
