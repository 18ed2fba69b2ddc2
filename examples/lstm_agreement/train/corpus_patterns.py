"""Finding sentences in which something stands between a noun and the verb that agrees with it.

They are rare (one word in eight thousand), and they are what a model must see to learn that a verb
agrees with the head of its subject and not with the noun nearest to it. No parser is needed: nouns
and verbs of either number are told apart by the words that stand before them, and a verb whose
number is that of the far noun and not that of the near one is no accident.
"""

import dataclasses
import enum

import numpy as np
from jaxtyping import Bool, Integer

from pathflow.models import Vocabulary


class WordClass(enum.IntEnum):
    """What a word form is, first of all."""

    OTHER = 0
    SINGULAR_NOUN = 1
    PLURAL_NOUN = 2
    SINGULAR_VERB = 3
    PLURAL_VERB = 4
    PREPOSITION = 5
    BREAK = 6
    ADVERB = 7
    NAME = 8


@dataclasses.dataclass(frozen=True, eq=False)
class Found:
    """Which verbs of a text agree with a noun over other words.

    Arguments:
        attractor: over a phrase that ends with a noun of the other number.
        congruent: over a phrase that ends with a noun of the same number.
        distant: over a phrase that ends with a name or another word.
        adverb_singular: over adverbs, in the singular.
        adverb_plural: over adverbs, in the plural.
    """

    attractor: Bool[np.ndarray, " words"]
    congruent: Bool[np.ndarray, " words"]
    distant: Bool[np.ndarray, " words"]
    adverb_singular: Bool[np.ndarray, " words"]
    adverb_plural: Bool[np.ndarray, " words"]


_SINGULAR, _PLURAL = WordClass.SINGULAR_NOUN, WordClass.PLURAL_NOUN
_AUXILIARIES = (("is", "are"), ("was", "were"), ("has", "have"), ("does", "do"))
_PREPOSITIONS = (
    "of in on at near behind beside above under with for from between by about against over among "
    "within around"
)
_BREAKS = ", . <eos> and or that which who but as when where ; :"
_ADVERBS = "also still often now always never not"
_BEFORE_SINGULAR_NOUN = "a an A An"
_BEFORE_PLURAL_NOUN = (
    "many two three these several other some all both four five various most The the of"
)
_BEFORE_SINGULAR_VERB = "he she it who which He She It"
_IRREGULAR = {
    "man": "men",
    "woman": "women",
    "child": "children",
    "person": "people",
    "wife": "wives",
    "life": "lives",
    "foot": "feet",
}
_CAPITALISED_FUNCTION_WORDS = (
    "The In On At However He She It They This These When While After Although"
)
_MAX_PHRASE = 7
_MAX_ADVERBS = 2
_MARGIN = _MAX_PHRASE + _MAX_ADVERBS + 5


def word_classes(
    vocabulary: Vocabulary, text: Integer[np.ndarray, " words"]
) -> Integer[np.ndarray, " vocab"]:
    """Sorts the words into classes by their forms and by what stands before them in a text.

    A pair of forms (`w`, `w + s`) is a noun where `w` follows *a* and `w + s` follows *many*,
    *these* and the like often enough, and a verb where `w + s` often follows *he*, *it* or *who*.
    """
    index = vocabulary.index
    classes = np.full(len(vocabulary), WordClass.OTHER, np.int8)
    counts = np.maximum(np.bincount(text, minlength=len(vocabulary)), 1)

    def follows(words: str) -> np.ndarray:
        """The fraction of each word's occurrences that stand after one of `words`."""
        before = np.isin(text[:-1], [index[w] for w in words.split() if w in index])
        return np.bincount(text[1:][before], minlength=len(vocabulary)) / counts

    as_singular = follows(_BEFORE_SINGULAR_NOUN)
    as_plural = follows(_BEFORE_PLURAL_NOUN)
    as_verb = follows(_BEFORE_SINGULAR_VERB)
    for base, other in _pairs(vocabulary):
        is_verb = as_verb[other]
        if as_singular[base] > 0.03 and as_plural[other] > 0.05 and is_verb < 0.01:
            classes[base], classes[other] = WordClass.SINGULAR_NOUN, WordClass.PLURAL_NOUN
        elif is_verb > 0.03:
            classes[base], classes[other] = WordClass.PLURAL_VERB, WordClass.SINGULAR_VERB
    function_words = _CAPITALISED_FUNCTION_WORDS.split()
    for number, word in enumerate(vocabulary.words):
        if classes[number] == WordClass.OTHER and len(word) > 1:
            if word.endswith("ly") and word.islower() and len(word) > 4:
                classes[number] = WordClass.ADVERB
            elif word[0].isupper() and word not in function_words:
                classes[number] = WordClass.NAME
    fixed = {
        WordClass.PREPOSITION: _PREPOSITIONS.split(),
        WordClass.BREAK: _BREAKS.split(),
        WordClass.ADVERB: _ADVERBS.split(),
        WordClass.SINGULAR_VERB: [singular for singular, _ in _AUXILIARIES],
        WordClass.PLURAL_VERB: [plural for _, plural in _AUXILIARIES],
    }
    for word_class, words in fixed.items():
        classes[[index[word] for word in words if word in index]] = word_class
    return classes


def find(text: Integer[np.ndarray, " words"], classes: Integer[np.ndarray, " vocab"]) -> Found:
    """Marks the verbs that agree with a noun which does not stand right before them.

    Over a phrase, `noun preposition ... last-word (adverbs) verb`, the verb has the number of the
    first noun, and there is no verb, comma or clause border between. Where the last word is a noun
    of the other number, that the verb agrees with the first one is beyond doubt; elsewhere a
    preposition shortly before the first noun rules it out as the head.
    """
    word_class = classes[text]
    found = Found(*(np.zeros(len(text), bool) for _ in dataclasses.fields(Found)))
    for verb, same, other, after_adverb in (
        (WordClass.SINGULAR_VERB, _SINGULAR, _PLURAL, found.adverb_singular),
        (WordClass.PLURAL_VERB, _PLURAL, _SINGULAR, found.adverb_plural),
    ):
        verbs = np.flatnonzero(word_class == verb)
        verbs = verbs[verbs >= _MARGIN]
        for n_adverbs in range(_MAX_ADVERBS + 1):
            last = verbs - 1 - n_adverbs
            if n_adverbs:
                after_adverb[verbs[word_class[last] == same]] = True
            for near, mark in (
                (other, found.attractor),
                (same, found.congruent),
                (WordClass.NAME, found.distant),
                (WordClass.OTHER, found.distant),
            ):
                chosen = word_class[last] == near
                mark[verbs[chosen][_headed(word_class, last[chosen], same, near)]] = True
            verbs = verbs[word_class[last] == WordClass.ADVERB]
    return found


def _headed(
    word_class: np.ndarray, last: np.ndarray, head: WordClass, near: WordClass
) -> np.ndarray:
    """Whether a phrase whose last word, of class `near`, is at `last` follows a noun `head`."""
    nouns = (_SINGULAR, _PLURAL)
    barred = [WordClass.SINGULAR_VERB, WordClass.PLURAL_VERB, WordClass.BREAK]
    if near not in nouns:
        barred += nouns
    found = np.zeros(len(last), bool)
    between = np.ones(len(last), bool)
    for length in range(1, _MAX_PHRASE + 1):
        start = last - length
        here = (
            between & (word_class[start] == WordClass.PREPOSITION) & (word_class[start - 1] == head)
        )
        if near == head or near not in nouns:
            here &= word_class[start - 2] != WordClass.PREPOSITION
            here &= word_class[start - 3] != WordClass.PREPOSITION
        found |= here
        between &= ~np.isin(word_class[start], barred)
    return found


def sentences_with(
    text: Integer[np.ndarray, " words"],
    marks: Bool[np.ndarray, " words"],
    vocabulary: Vocabulary,
    *,
    longest: int = 45,
    most_unknown: float = 0.2,
) -> Integer[np.ndarray, " kept"]:
    """The sentences that hold a mark, unless they are long or full of unknown words."""
    ends = np.flatnonzero(text == vocabulary.index[vocabulary.end]) + 1
    starts = np.concatenate([[0], ends[:-1]])
    unknown = np.concatenate([[0], np.cumsum(text == vocabulary.index[vocabulary.unknown])])
    lengths = ends - starts
    share = (unknown[ends] - unknown[starts]) / lengths
    held = np.concatenate([[0], np.cumsum(marks)])
    kept = (held[ends] > held[starts]) & (lengths <= longest) & (share < most_unknown)
    return text[: ends[-1]][np.repeat(kept, lengths)] if len(ends) else text[:0]


def _pairs(vocabulary: Vocabulary) -> list[tuple[int, int]]:
    """Word pairs whose second is the first with the ending of a plural or a third person."""
    index = vocabulary.index
    pairs = []
    for word in vocabulary.words:
        if word.isalpha() and word.islower() and len(word) > 2:
            forms = [_with_s(word), *([_IRREGULAR[word]] if word in _IRREGULAR else [])]
            pairs += [(index[word], index[form]) for form in forms if form in index]
    return pairs


def _with_s(word: str) -> str:
    if word.endswith("y") and word[-2] not in "aeiou":
        return f"{word[:-1]}ies"
    return f"{word}es" if word.endswith(("s", "x", "ch", "sh")) else f"{word}s"
