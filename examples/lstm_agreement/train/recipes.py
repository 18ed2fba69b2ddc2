"""How the shipped models are trained: the model, its text and its settings.

tiny      2 x 64 units on the template grammar, minutes on one core
english   2 x 200 units on sentences of English Wikipedia, an hour and more on two cores
decayed   the same, untied, slower, and with decaying weights: fewer units saturate
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
from flax import nnx

from examples.lstm_agreement.language_models.evaluation import evaluate
from examples.lstm_agreement.language_models.saturation import saturated_candidates
from examples.lstm_agreement.sentences.lakretz import read_nouns
from examples.lstm_agreement.sentences.tasks import SIMPLE, TASKS, generate
from examples.lstm_agreement.train import corpus as texts
from examples.lstm_agreement.train.corpus import Corpus, Mixture, Part
from examples.lstm_agreement.train.corpus_patterns import find, sentences_with, word_classes
from examples.lstm_agreement.train.evaluation import file_accuracies
from examples.lstm_agreement.train.grammar import VOCABULARY, GrammarCorpus
from pathflow.models import (
    AbstractCorpus,
    LanguageModel,
    LSTMLanguageModel,
    SampledSoftmax,
    TrainConfig,
    Vocabulary,
    perplexity,
)

_Model = TypeVar("_Model", bound=LanguageModel)

# Rare nouns and verbs of the tasks are brought towards so many occurrences per round.
_WANTED = 300
_MOST_REPEATS = 3
_BACKGROUND_SHARE = 0.15
# How often a round holds each sentence with an agreement over other words.
_REPEATS = {
    "attractor": 14,
    "congruent": 2,
    "distant": 2,
    "adverb_singular": 5,
    "adverb_plural": 8,
}


@dataclasses.dataclass(frozen=True)
class Recipe(Generic[_Model]):
    """All that one training needs."""

    name: str
    vocabulary: Vocabulary
    model: _Model
    corpus: AbstractCorpus
    config: TrainConfig
    evaluate: Callable[[_Model], Mapping[str, float]]


def tiny(n_steps: int | None = None, seed: int = 0) -> Recipe[LSTMLanguageModel]:
    """The small model of the template grammar."""
    model = LSTMLanguageModel(len(VOCABULARY), 64, 64, 2, tied=False, rngs=nnx.Rngs(seed))
    return of_grammar("tiny", model, n_steps, seed)


def of_grammar(
    name: str, model: _Model, n_steps: int | None = None, seed: int = 0, *, words: int = 32
) -> Recipe[_Model]:
    """A language model of the template grammar, of any kind.

    Arguments:
        name: of the recipe.
        model: knows the words of the grammar.
        n_steps: updates; 6,000 where it is None.
        seed: of the text.
        words: how many words a row of an update has; every update reads 1,024.
    """

    def measure(model: _Model) -> dict[str, float]:
        measured = {}
        for task in TASKS:
            sentences = generate(task, 200, seed=seed, vocabulary=VOCABULARY)
            for accuracy in evaluate(model, VOCABULARY, sentences):
                measured[f"{accuracy.task} {accuracy.condition}"] = accuracy.value
        return measured

    return Recipe(
        name,
        VOCABULARY,
        model,
        GrammarCorpus(seed=seed),
        TrainConfig(
            total_steps=n_steps or 6000,
            batch_size=1024 // words,
            n_steps=words,
            learning_rate=1e-3,
            warmup_steps=300,
            seed=seed,
        ),
        measure,
    )


def english(data: Path, n_steps: int | None = None, seed: int = 0) -> Recipe[LSTMLanguageModel]:
    """The model of English text.

    Raises:
        StudyError: the data folder lacks a file.
    """
    corpus = texts.read_corpus(data)
    model = _english_lstm(corpus, seed, tied=True)
    return of_english("english", model, corpus, data, n_steps or 16_400, seed)


def decayed(data: Path, n_steps: int | None = None, seed: int = 0) -> Recipe[LSTMLanguageModel]:
    """A model of English text with decaying weights, of which fewer units saturate.

    Raises:
        StudyError: the data folder lacks a file.
    """
    corpus = texts.read_corpus(data)
    model = _english_lstm(corpus, seed, tied=False)
    recipe = of_english("decayed", model, corpus, data, n_steps or 20_000, seed)
    config = dataclasses.replace(recipe.config, learning_rate=1e-3, weight_decay=0.1)
    return dataclasses.replace(recipe, config=config)


def _english_lstm(corpus: Corpus, seed: int, *, tied: bool) -> LSTMLanguageModel:
    n_words = len(corpus.vocabulary)
    return LSTMLanguageModel(n_words, 200, 200, 2, tied=tied, rngs=nnx.Rngs(seed))


def of_english(
    name: str,
    model: _Model,
    corpus: Corpus,
    data: Path,
    n_steps: int,
    seed: int = 0,
    *,
    words: int = 32,
) -> Recipe[_Model]:
    """A language model of English text, of any kind.

    Arguments:
        name: of the recipe.
        model: knows the words of the corpus.
        corpus: the text.
        data: the folder that it was read from.
        n_steps: updates.
        seed: of the order of the text.
        words: how many words a row of an update has; every update reads 4,096.

    Raises:
        StudyError: the data folder lacks a file.
    """
    vocabulary = corpus.vocabulary
    always = tuple(sorted(vocabulary.encode(texts.task_words(data)).tolist()))
    simple = generate(SIMPLE, 50, seed=seed, vocabulary=vocabulary.index)

    def measure(model: _Model) -> dict[str, float]:
        saturated: Sequence[float] = ()
        if isinstance(model, LSTMLanguageModel):
            saturated = saturated_candidates(model, vocabulary, simple)
        sample = file_accuracies(model, vocabulary, data, at_most=150)
        return {
            "valid_perplexity": perplexity(model, corpus.valid, corpus.end),
            **{f"saturated g{layer}": float(s) for layer, s in enumerate(saturated)},
            **{f"{a.file} {a.condition}": a.value for a in sample},
        }

    return Recipe(
        name,
        vocabulary,
        model,
        mixture(corpus, data, seed),
        TrainConfig(
            total_steps=n_steps,
            batch_size=4096 // words,
            n_steps=words,
            learning_rate=2.5e-3,
            warmup_steps=500,
            seed=seed,
            objective=SampledSoftmax(corpus.counts(), always=always),
            final_full_steps=n_steps // 80,
            evaluate_every=1000,
        ),
        measure,
    )


def mixture(corpus: Corpus, data: Path, seed: int) -> Mixture:
    """Sentences with task words or with agreement over other words, and some of the rest.

    The rarer a noun or verb of the tasks is, the more often its sentences come; sentences in which
    a noun of the other number stands before the verb come most often.
    """
    vocabulary = corpus.vocabulary
    classes = word_classes(vocabulary, np.concatenate([corpus.rich, corpus.background]))
    found: dict[str, list[np.ndarray]] = {kind: [] for kind in _REPEATS}
    for part in texts.read_pool(data, vocabulary):
        marks = find(part, classes)
        for kind, kept in found.items():
            kept.append(sentences_with(part, getattr(marks, kind), vocabulary))
    return Mixture(
        (
            Part(corpus.rich, _rich_repeats(corpus, data)),
            Part(corpus.background, share=_BACKGROUND_SHARE),
            *(Part(np.concatenate(kept), _REPEATS[kind]) for kind, kept in found.items()),
        ),
        corpus.end,
        seed,
    )


def _rich_repeats(corpus: Corpus, data: Path) -> np.ndarray:
    counts = np.maximum(corpus.counts(), 1)
    nouns = read_nouns(data / "lakretz_na_tasks" / "lexicon.tsv")
    verbs = {form for path in texts.task_files(data) for form in texts.verb_forms(path)}
    by_word = np.ones(len(corpus.vocabulary), int)
    for word in corpus.vocabulary.encode([*nouns, *sorted(verbs)]):
        by_word[word] = np.clip(-(-_WANTED // counts[word]), 1, _MOST_REPEATS)
    starts = np.concatenate([[0], np.flatnonzero(corpus.rich == corpus.end)[:-1] + 1])
    return np.maximum.reduceat(by_word[corpus.rich], starts)
