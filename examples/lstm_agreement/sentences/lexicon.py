"""The words of the agreement sentences, each noun and verb in both number forms."""

import dataclasses
from collections.abc import Collection
from typing import Self

from examples.lstm_agreement.errors import StudyError


@dataclasses.dataclass(frozen=True)
class Forms:
    """One word in its singular and its plural form, as in `Forms("child", "children")`."""

    singular: str
    plural: str


@dataclasses.dataclass(frozen=True)
class Lexicon:
    """Word lists, one per slot of a task; `determiner` and `article` stand before the nouns."""

    determiner: str
    article: str
    subjects: tuple[Forms, ...]
    places: tuple[Forms, ...]
    verbs: tuple[Forms, ...]
    prepositions: tuple[str, ...]
    adverbs: tuple[str, ...]
    names: tuple[str, ...]

    def words(self) -> frozenset[str]:
        """Every word form of the lexicon."""
        forms = (*self.subjects, *self.places, *self.verbs)
        both = {word for entry in forms for word in (entry.singular, entry.plural)}
        single = {*self.prepositions, *self.adverbs, *self.names, self.determiner, self.article}
        return frozenset(both | single)

    def within(self, vocabulary: Collection[str]) -> Self:
        """The lexicon without the words that a model does not know.

        A noun or verb stays only when both of its forms are known: a matched pair needs them both.

        Arguments:
            vocabulary: the words of a model, anything with a fast `in`.

        Raises:
            StudyError: the vocabulary lacks the determiner or the article, or no word of a list is
                left.
        """
        for word in (self.determiner, self.article):
            if word not in vocabulary:
                raise StudyError(
                    f"vocabulary lacks {word!r}, with which the sentences are built; use a model "
                    "that knows it or a lexicon with another determiner and article."
                )
        kept = {}
        for field in ("subjects", "places", "verbs", "prepositions", "adverbs", "names"):
            entries = getattr(self, field)
            kept[field] = tuple(e for e in entries if all(w in vocabulary for w in _forms(e)))
            if not kept[field]:
                raise StudyError(
                    f"vocabulary holds none of the {len(entries)} {field} of the lexicon (the "
                    f"first is {_forms(entries[0])}); use a model trained on these words or pass "
                    "another lexicon."
                )
        return dataclasses.replace(self, **kept)


def _forms(entry: Forms | str) -> tuple[str, ...]:
    return (entry,) if isinstance(entry, str) else (entry.singular, entry.plural)


def pairs(text: str) -> tuple[Forms, ...]:
    """Reads `singular/plural` pairs, separated by blanks."""
    return tuple(Forms(*pair.split("/")) for pair in text.split())


# Subjects are people, places are things, so that no sentence repeats a noun. The verbs take no
# object that would have to follow for the sentence to be read, and none of their forms is first of
# all a noun ("help").
ENGLISH = Lexicon(
    determiner="The",
    article="the",
    subjects=pairs(
        "actor/actors artist/artists author/authors boy/boys brother/brothers child/children "
        "doctor/doctors driver/drivers farmer/farmers friend/friends girl/girls king/kings "
        "lawyer/lawyers leader/leaders man/men officer/officers player/players singer/singers "
        "soldier/soldiers student/students teacher/teachers woman/women worker/workers "
        "writer/writers"
    ),
    places=pairs(
        "boat/boats bridge/bridges building/buildings car/cars chair/chairs church/churches "
        "dog/dogs door/doors garden/gardens horse/horses house/houses road/roads table/tables "
        "tower/towers train/trains tree/trees truck/trucks window/windows"
    ),
    verbs=pairs(
        "avoids/avoid believes/believe encourages/encourage finds/find gives/give knows/know "
        "learns/learn observes/observe remembers/remember sees/see speaks/speak takes/take "
        "tells/tell thinks/think understands/understand wants/want writes/write"
    ),
    prepositions=("near", "behind", "beside", "opposite"),
    adverbs=("probably", "certainly", "often", "usually", "always", "never", "rarely", "clearly"),
    names=(
        "Anna",
        "Bill",
        "David",
        "George",
        "Jane",
        "Jim",
        "John",
        "Mary",
        "Paul",
        "Peter",
        "Sarah",
    ),
)
