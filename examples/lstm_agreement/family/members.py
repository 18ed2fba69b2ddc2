"""The models of the family: architectures, sizes and seeds, all trained on one text."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from flax import nnx

from examples.lstm_agreement.family.languages import GRAMMAR, AbstractLanguage
from examples.lstm_agreement.family.views import GRU_VIEW, TransformerView
from examples.lstm_agreement.tables.view import LSTM_VIEW, AbstractView
from pathflow.models import (
    GRULanguageModel,
    LSTMLanguageModel,
    Rotary,
    TransformerDecoder,
    train,
)

_N_HEADS = 4
_N_UPDATES = 6000


@dataclass(frozen=True)
class Kind:
    """An architecture.

    Arguments:
        name: of the architecture.
        make: an untrained model, from its language, a width and a seed.
        view: how it is taken apart.
        words: words per row of an update; a transformer carries nothing from one to the next, so
            that longer rows cut fewer sentences in two.
    """

    name: str
    make: Callable[[AbstractLanguage, int, int], nnx.Module]
    view: AbstractView
    words: int = 32


def _lstm(language: AbstractLanguage, units: int, seed: int) -> LSTMLanguageModel:
    n_words, tied = len(language.vocabulary), language.tied
    return LSTMLanguageModel(n_words, units, units, 2, tied=tied, rngs=nnx.Rngs(seed))


def _gru(language: AbstractLanguage, units: int, seed: int) -> GRULanguageModel:
    return GRULanguageModel(len(language.vocabulary), units, units, 2, rngs=nnx.Rngs(seed))


def _transformer(language: AbstractLanguage, units: int, seed: int) -> TransformerDecoder:
    n_words, tied = len(language.vocabulary), language.tied
    return TransformerDecoder(
        n_words, units, _N_HEADS, 2, 4 * units, Rotary(), tied=tied, rngs=nnx.Rngs(seed)
    )


LSTM = Kind("lstm", _lstm, LSTM_VIEW)
GRU = Kind("gru", _gru, GRU_VIEW)
TRANSFORMER = Kind("transformer", _transformer, TransformerView(_N_HEADS), words=64)
KINDS = {kind.name: kind for kind in (LSTM, GRU, TRANSFORMER)}


@dataclass(frozen=True)
class Member:
    """One training.

    Arguments:
        kind: the architecture.
        units: width of every layer.
        seed: of the parameters and of the text.
        language: what it reads.
    """

    kind: Kind
    units: int
    seed: int
    language: AbstractLanguage = GRAMMAR

    @property
    def group(self) -> str:
        """What it has in common with other seeds, as in "lstm-64" or "english-lstm-200"."""
        return "-".join(filter(None, (self.language.name, self.kind.name, str(self.units))))

    @property
    def name(self) -> str:
        """As in "lstm-64-0"."""
        return f"{self.group}-{self.seed}"

    def untrained(self) -> nnx.Module:
        """The model before its training."""
        return self.kind.make(self.language, self.units, self.seed)

    def trained(self, folder: Path, n_steps: int | None = None) -> nnx.Module:
        """The model, trained as far as it is not yet.

        Arguments:
            folder: holds the trainings, one folder each.
            n_steps: updates; 6,000 where it is None.

        Raises:
            StudyError: the texts that it reads are not at hand.
            CheckpointError: what is saved there belongs to another training.
            KeyboardInterrupt: passed on, after what is done was saved.
        """
        recipe = self.language.recipe(
            self.name, self.untrained(), n_steps or _N_UPDATES, self.seed, self.kind.words
        )
        train(
            recipe.model,
            recipe.corpus,
            recipe.config,
            folder=folder / self.name,
            evaluate=recipe.evaluate,
        )
        return recipe.model


def members(
    sizes: Sequence[int], seeds: int, other_seeds: int, language: AbstractLanguage = GRAMMAR
) -> tuple[Member, ...]:
    """The family.

    Arguments:
        sizes: widths of the LSTMs; the other architectures have 64.
        seeds: trainings of each width.
        other_seeds: trainings of each other architecture.
        language: what all of them read.
    """
    lstms = [Member(LSTM, units, seed, language) for units in sizes for seed in range(seeds)]
    others = [
        Member(kind, 64, seed, language)
        for kind in (GRU, TRANSFORMER)
        for seed in range(other_seeds)
    ]
    return (*lstms, *others)
