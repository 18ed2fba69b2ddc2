"""The words of the template grammar, each verb with its past form.

The nouns, agreement verbs, prepositions, adverbs and names are those of the generated tasks
(`lexicon.ENGLISH`), so that a model of the grammar can be tested on them, and some more.
"""

import dataclasses

from examples.lstm_agreement.sentences.lexicon import ENGLISH, Forms


@dataclasses.dataclass(frozen=True)
class Verb:
    """A verb: its present forms, and the past form that shows no number."""

    present: Forms
    past: str


# Every past form of the agreement verbs; the present forms are those of the tasks.
_PAST = {
    "avoid": "avoided",
    "believe": "believed",
    "encourage": "encouraged",
    "find": "found",
    "give": "gave",
    "know": "knew",
    "learn": "learned",
    "observe": "observed",
    "remember": "remembered",
    "see": "saw",
    "speak": "spoke",
    "take": "took",
    "tell": "told",
    "think": "thought",
    "understand": "understood",
    "want": "wanted",
    "write": "wrote",
}


def _nouns(text: str) -> tuple[Forms, ...]:
    return tuple(Forms(*pair.split("/")) for pair in text.split())


def _verbs(text: str) -> tuple[Verb, ...]:
    return tuple(
        Verb(Forms(singular, plural), past)
        for singular, plural, past in (entry.split("/") for entry in text.split())
    )


PEOPLE = (
    *ENGLISH.subjects,
    *_nouns("aunt/aunts baker/bakers guest/guests neighbor/neighbors pilot/pilots uncle/uncles"),
)
THINGS = (*ENGLISH.places, *_nouns("box/boxes cat/cats"))
AGREEMENT_VERBS = tuple(Verb(forms, _PAST[forms.plural]) for forms in ENGLISH.verbs)
TRANSITIVE = _verbs(
    "likes/like/liked loves/love/loved watches/watch/watched follows/follow/followed "
    "helps/help/helped meets/meet/met hates/hate/hated visits/visit/visited"
)
INTRANSITIVE = _verbs(
    "sleeps/sleep/slept laughs/laugh/laughed smiles/smile/smiled waits/wait/waited "
    "runs/run/ran sings/sing/sang falls/fall/fell works/work/worked"
)
SENTENTIAL = _verbs("says/say/said hopes/hope/hoped claims/claim/claimed fears/fear/feared")

PREPOSITIONS = (*ENGLISH.prepositions, "above", "under")
ADVERBS = (*ENGLISH.adverbs, "sometimes", "really")
NAMES = (*ENGLISH.names, "Alice", "Tom")
SINGULAR_PRONOUNS = ("he", "she", "it")
PLURAL_PRONOUNS = ("they", "we", "you")
OBJECT_PRONOUNS = ("him", "her", "them", "us")
MODALS = ("can", "will", "must", "may")
OPENINGS = ("Today", "Here", "Now", "Perhaps")
SINGULAR_DETERMINERS = ("a", "every")
PLURAL_DETERMINERS = ("some", "many")
UNKNOWN, END = "<unk>", "<eos>"
_FUNCTION = ("the", "that", "and", "do", "does", "did", ".", "?")


def capitalised(word: str) -> str:
    """The word as it stands at the beginning of a sentence."""
    return word[0].upper() + word[1:]


def all_words() -> tuple[str, ...]:
    """Every word of the grammar once, in a fixed order."""
    nouns = [w for noun in (*PEOPLE, *THINGS) for w in (noun.singular, noun.plural)]
    verbs = [
        w
        for verb in (*AGREEMENT_VERBS, *TRANSITIVE, *INTRANSITIVE, *SENTENTIAL)
        for w in (verb.present.singular, verb.present.plural, verb.past)
    ]
    pronouns = (*SINGULAR_PRONOUNS, *PLURAL_PRONOUNS)
    first = ("the", "do", "does", "did", *pronouns, *SINGULAR_DETERMINERS, *PLURAL_DETERMINERS)
    words = [
        UNKNOWN,
        END,
        *_FUNCTION,
        *nouns,
        *verbs,
        *PREPOSITIONS,
        *ADVERBS,
        *NAMES,
        *pronouns,
        *OBJECT_PRONOUNS,
        *MODALS,
        *OPENINGS,
        *SINGULAR_DETERMINERS,
        *PLURAL_DETERMINERS,
        *map(capitalised, first),
    ]
    return tuple(dict.fromkeys(words))
