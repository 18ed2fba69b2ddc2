"""The concepts of the study. A new one is an entry here."""

from pathlib import Path

from examples.lstm_agreement.concepts.agreement import Agreement, Asked, PublishedPairs
from examples.lstm_agreement.concepts.concept import Concept, Frames
from examples.lstm_agreement.concepts.winogender import Winogender
from examples.lstm_agreement.sentences.lexicon import ENGLISH
from examples.lstm_agreement.sentences.marvin_linzen import REFLEXIVE_FILES
from examples.lstm_agreement.sentences.tasks import NOUN_PP, SIMPLE

_PEOPLE = tuple((f.singular, f.plural) for f in ENGLISH.subjects)
_NOT_HIMSELF = ("girl", "woman")
_GENDERS = (
    ("king", "queen"),
    ("man", "woman"),
    ("boy", "girl"),
    ("actor", "actress"),
    ("father", "mother"),
    ("son", "daughter"),
    ("brother", "sister"),
    ("husband", "wife"),
    ("uncle", "aunt"),
    ("prince", "princess"),
    ("nephew", "niece"),
    ("grandfather", "grandmother"),
    ("god", "goddess"),
    ("hero", "heroine"),
    ("waiter", "waitress"),
    ("emperor", "empress"),
)
# Verbs whose past form tells no number, and that take a reflexive in the training text.
_PAST = ("found", "killed", "called", "described", "considered", "made", "hurt", "saw")
_REFLEXIVE = {
    "reflexive": tuple(f"The {{}} {verb}" for verb in _PAST),
    "reflexive, attractor": tuple(f"The {{}} near the {{other}} {verb}" for verb in _PAST),
}
_SAID = ("said", "thought", "knew", "believed", "claimed", "hoped")
_PRONOUN = {
    "pronoun": tuple(f"The {{}} {verb} that" for verb in _SAID),
    "pronoun, attractor": tuple(f"The {{}} near the {{other}} {verb} that" for verb in _SAID),
}

NUMBER = Concept("number of the verb", Agreement((SIMPLE, NOUN_PP)))
NUMBER_ALL = Concept("number of all verbs", Agreement((SIMPLE, NOUN_PP), Asked.ALL_VERBS))
NUMBER_REFLEXIVE = Concept(
    "number of a reflexive",
    Frames(
        "SP",
        tuple(pair for pair in _PEOPLE if pair[0] not in _NOT_HIMSELF),
        (("himself",), ("themselves",)),
        _REFLEXIVE,
    ),
)
GENDER_REFLEXIVE = Concept(
    "gender of a reflexive", Frames("MF", _GENDERS, (("himself",), ("herself",)), _REFLEXIVE)
)
GENDER_PRONOUN = Concept(
    "gender of a pronoun", Frames("MF", _GENDERS, (("he",), ("she",)), _PRONOUN)
)
CONCEPTS = (NUMBER, NUMBER_ALL, NUMBER_REFLEXIVE, GENDER_REFLEXIVE, GENDER_PRONOUN)


def published(pairs_dir: Path | None, templates_dir: Path | None) -> tuple[Concept, ...]:
    """The concepts of published sentences.

    Arguments:
        pairs_dir: the folder of Marvin and Linzen (2018), or None.
        templates_dir: the folder of Rudinger et al. (2018), or None.
    """
    found = []
    if pairs_dir is not None:
        found += [
            Concept("number of a reflexive", PublishedPairs(pairs_dir, file))
            for file in REFLEXIVE_FILES
        ]
    if templates_dir is not None:
        found.append(Concept("gender of a pronoun", Winogender(templates_dir, _GENDERS)))
    return tuple(found)
