"""The texts that a family can be trained on, with their words."""

import abc
import functools
from pathlib import Path
from typing import TypeVar

from examples.lstm_agreement.console.options import ENGLISH as SHIPPED
from examples.lstm_agreement.errors import StudyError
from examples.lstm_agreement.train import grammar
from examples.lstm_agreement.train.corpus import read_corpus
from examples.lstm_agreement.train.recipes import Recipe, of_english, of_grammar
from pathflow.models import LanguageModel, Vocabulary, load_checkpoint

_Model = TypeVar("_Model", bound=LanguageModel)


class AbstractLanguage(abc.ABC):
    """What models read."""

    #: Before the names of models, or nothing.
    name: str
    #: As in "trained on the template grammar".
    text: str
    #: Whether LSTMs and transformers have the embeddings as output weights.
    tied: bool

    @property
    @abc.abstractmethod
    def vocabulary(self) -> Vocabulary:
        """The words."""

    @abc.abstractmethod
    def recipe(
        self, name: str, model: _Model, n_steps: int, seed: int, words: int
    ) -> Recipe[_Model]:
        """How a model is trained.

        Arguments:
            name: of the model.
            model: untrained.
            n_steps: updates.
            seed: of the text.
            words: per row of an update.

        Raises:
            StudyError: the text is not at hand.
        """


class Grammar(AbstractLanguage):
    """Sentences of the template grammar."""

    name, text, tied = "", "the template grammar", False

    @property
    def vocabulary(self) -> Vocabulary:
        """See `AbstractLanguage.vocabulary`."""
        return grammar.VOCABULARY

    def recipe(
        self, name: str, model: _Model, n_steps: int, seed: int, words: int
    ) -> Recipe[_Model]:
        """See `AbstractLanguage.recipe`."""
        return of_grammar(name, model, n_steps, seed, words=words)


class English(AbstractLanguage):
    """Sentences of English Wikipedia, read as for the shipped model of them.

    Arguments:
        data: the folder of the texts; what was trained before is measured without it.
        vocabulary: the words; those of the shipped model where it is left out.
    """

    name, text, tied = "english", "sentences of English Wikipedia", True

    def __init__(self, data: Path | None = None, vocabulary: Vocabulary | None = None):
        self._data = data
        self._vocabulary = vocabulary

    @functools.cached_property
    def vocabulary(self) -> Vocabulary:
        """See `AbstractLanguage.vocabulary`."""
        return self._vocabulary or load_checkpoint(SHIPPED).vocabulary

    def recipe(
        self, name: str, model: _Model, n_steps: int, seed: int, words: int
    ) -> Recipe[_Model]:
        """See `AbstractLanguage.recipe`.

        Raises:
            StudyError: there is no data folder, it lacks a file, or its words are others.
        """
        if self._data is None:
            raise StudyError("models of English are trained on texts; name their folder by --data.")
        corpus = _corpus(self._data)
        if corpus.vocabulary.words != self.vocabulary.words:
            raise StudyError(
                f"the {len(corpus.vocabulary):,} words that are chosen of the texts in "
                f"{self._data} are not the {len(self.vocabulary):,} of the shipped model; models "
                "of other texts are trained by examples.lstm_agreement.train."
            )
        return of_english(name, model, corpus, self._data, n_steps, seed, words=words)


# Of all models of a family, once.
_corpus = functools.lru_cache(maxsize=1)(read_corpus)

GRAMMAR = Grammar()
# By their names; without texts to train on.
LANGUAGES: dict[str, AbstractLanguage] = {one.name: one for one in (GRAMMAR, English())}
