"""Training objectives: how a hidden state is scored against the word that follows."""

import abc
import dataclasses
import functools
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from pathflow._errors import ArgumentError
from pathflow.models._language_model import LanguageModel


class Candidates(NamedTuple):
    """Words that stand for the vocabulary in one update, the same for every position.

    `log_expected` is the logarithm of how often a word is expected among the candidates.
    """

    words: Int[np.ndarray, " candidates"]
    log_expected: Float[np.ndarray, " candidates"]


class AbstractObjective(abc.ABC):
    """A loss per position, and the candidates that it needs at each update."""

    @abc.abstractmethod
    def candidates(self, rng: np.random.Generator) -> Candidates:
        """Draws the candidates of one update; always equally many."""

    @abc.abstractmethod
    def losses(
        self,
        model: LanguageModel,
        features: Float[Array, "positions hidden"],
        targets: Int[Array, " positions"],
        candidates: Candidates,
    ) -> Float[Array, " positions"]:
        """Negative log-likelihood of each target, or an estimate of it."""


@dataclasses.dataclass(frozen=True)
class FullSoftmax(AbstractObjective):
    """The exact negative log-likelihood over all words."""

    def candidates(self, rng: np.random.Generator) -> Candidates:  # noqa: ARG002
        """No candidates are needed."""
        return Candidates(np.zeros(0, np.int32), np.zeros(0, np.float32))

    def losses(
        self,
        model: LanguageModel,
        features: Float[Array, "positions hidden"],
        targets: Int[Array, " positions"],
        candidates: Candidates,  # noqa: ARG002
    ) -> Float[Array, " positions"]:
        """See `AbstractObjective.losses`."""
        logits = features @ model.output_rows.T
        logits = logits + jnp.broadcast_to(model.output_bias[...], logits.shape)
        own = jnp.take_along_axis(logits, targets[:, None], axis=1)[:, 0]
        return jax.nn.logsumexp(logits, axis=1) - own


@dataclasses.dataclass(frozen=True, eq=False)
class SampledSoftmax(AbstractObjective):
    """The softmax over a few candidates, shared by all positions of an update.

    The words in `always` and the `n_frequent` most frequent ones stand for themselves; the rest of
    the vocabulary is represented by words drawn from it with probability proportional to
    `count ** power`, each weighted by one over its expected number of occurrences (Bengio and
    Senecal 2003; Jean et al. 2015, section 3). So the sum over the words that matter most is
    exact, and the rest is an unbiased estimate. The target is added with its own logit, and left
    out where it is a candidate.

    Arguments:
        counts: how often each word occurs in the training text.
        n_candidates: size of the candidate set.
        n_frequent: how many of the most frequent words are always candidates.
        always: numbers of further words that are always candidates.
        power: flattens the distribution of the drawn words.

    Raises:
        ArgumentError: the words that are always candidates leave no candidate to draw, or no word
            to draw from.
    """

    counts: Sequence[int] | Int[np.ndarray, " vocab"]
    n_candidates: int = 1536
    n_frequent: int = 600
    always: tuple[int, ...] = ()
    power: float = 0.5

    def __post_init__(self):
        n_drawn = self.n_candidates - len(self._fixed)
        if n_drawn < 1 or len(self._fixed) == len(self.counts):
            raise ArgumentError(
                f"SampledSoftmax(n_candidates={self.n_candidates}) leaves nothing to draw: "
                f"{len(self._fixed)} of {len(self.counts)} words are always candidates; raise "
                "n_candidates, lower n_frequent, or use FullSoftmax()."
            )

    @functools.cached_property
    def _fixed(self) -> np.ndarray:
        frequent = np.argsort(-np.asarray(self.counts), kind="stable")[: self.n_frequent]
        return np.union1d(frequent, np.asarray(self.always, dtype=np.int64))

    @functools.cached_property
    def _tail(self) -> tuple[np.ndarray, np.ndarray]:
        words = np.setdiff1d(np.arange(len(self.counts)), self._fixed)
        # A word that never occurs must still have a chance, or its weight would be infinite.
        weights = np.maximum(np.asarray(self.counts, np.float64)[words], 1) ** self.power
        return words, weights / weights.sum()

    def candidates(self, rng: np.random.Generator) -> Candidates:
        """Draws with replacement from the words that are not always candidates."""
        words, probabilities = self._tail
        n_drawn = self.n_candidates - len(self._fixed)
        drawn = np.searchsorted(np.cumsum(probabilities), rng.random(n_drawn))
        drawn = np.minimum(drawn, len(words) - 1)
        return Candidates(
            np.concatenate([self._fixed, words[drawn]]).astype(np.int32),
            np.concatenate(
                [np.zeros(len(self._fixed)), np.log(n_drawn * probabilities[drawn])]
            ).astype(np.float32),
        )

    def losses(
        self,
        model: LanguageModel,
        features: Float[Array, "positions hidden"],
        targets: Int[Array, " positions"],
        candidates: Candidates,
    ) -> Float[Array, " positions"]:
        """See `AbstractObjective.losses`."""
        rows, bias = model.output_rows, model.output_bias[...]
        own = jnp.sum(features * rows[targets], axis=1) + bias[targets]
        shift = bias[candidates.words] - candidates.log_expected.astype(bias.dtype)
        others = features @ rows[candidates.words].T
        others = others + jnp.broadcast_to(shift, others.shape)
        is_target = candidates.words[None, :] == targets[:, None].astype(candidates.words.dtype)
        others = jnp.where(is_target, -jnp.inf, others)
        return jnp.logaddexp(own, jax.nn.logsumexp(others, axis=1)) - own
