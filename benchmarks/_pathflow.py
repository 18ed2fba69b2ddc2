"""The language model, its sentences, and what pathflow says of their paths."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

import pathflow as pf
from benchmarks._sentences import agreement, trained
from benchmarks._setting import Setting
from pathflow.models import LSTMLanguageModel

# The two words whose logits are compared, where weights are random.
GOOD, BAD = 1, 2
SOURCE, TARGET = "x@0", "qoi"
_COMPILED = "/jax/core/compile/backend_compile_duration"


@dataclass(frozen=True)
class Sentence:
    """An input, and where the line to its first word begins.

    Arguments:
        tokens: `(T,)`.
        words: embeddings of the tokens, `(T, embedding)`.
        baseline: `(embedding,)`, the mean of the first word and another: its other number where
            the model is trained.
    """

    tokens: np.ndarray
    words: np.ndarray
    baseline: np.ndarray


@dataclass(frozen=True)
class Problem:
    """A model, traced at one length.

    Arguments:
        setting: the sizes.
        structure, parameters: the model.
        traced: its graph.
        good, bad: the words whose logits are compared.
        words: of a trained model, by their numbers.
    """

    setting: Setting
    structure: nnx.GraphDef
    parameters: nnx.State
    traced: pf.TracedGraph
    good: int = GOOD
    bad: int = BAD
    words: Sequence[str] | None = None

    @property
    def model(self) -> LSTMLanguageModel:
        """The model, whose parameters the other methods copy."""
        return nnx.merge(self.structure, self.parameters)

    def sentence(self, number: int) -> Sentence:
        """One of many random sentences of the same length."""
        random = np.random.default_rng([self.setting.seed, number])
        rows = np.asarray(self.model.embedding[...])
        if self.words is None:
            tokens = random.integers(self.setting.vocab, size=self.setting.steps, dtype=np.int32)
            other = random.integers(self.setting.vocab)
            if other == tokens[0]:  # a line of no length has no influence
                other = (other + 1) % self.setting.vocab
        else:
            words = list(self.words)
            subject, *later, other = agreement(random, self.setting.steps, words)
            tokens = np.array([words.index(w) for w in (subject, *later)], np.int32)
            other = words.index(other)
        return Sentence(tokens, rows[tokens], (rows[tokens[0]] + rows[other]) / 2)

    def influences(self, sentence: Sentence, rule: pf.AbstractRule) -> pf.Attribution:
        """The influences of all paths, with the audit that comes with them."""
        return pf.attribute(**self.asked(sentence, rule))

    def asked(self, sentence: Sentence, rule: pf.AbstractRule) -> dict[str, Any]:
        """The arguments of `pathflow.attribute`, but for the search."""
        return {
            "graph": self.traced,
            "args": (self.parameters, jnp.asarray(sentence.tokens)),
            "source": SOURCE,
            "doi": pf.Line(jnp.asarray(sentence.baseline), n_steps=self.setting.points, rule=rule),
            "qoi": pf.LogitDifference(jnp.int32(self.good), jnp.int32(self.bad)),
        }


def make_problem(setting: Setting) -> Problem:
    """Draws the weights, or reads them, and traces the model."""
    if setting.trained:
        model, words = trained()
        good, bad = words.index("is"), words.index("are")
    else:
        model, words, good, bad = _random_model(setting), None, GOOD, BAD
    structure, parameters = nnx.split(model)
    # Biases stay: a scaled forget bias would change how far the gates are open, not how steep.
    parameters = jax.tree.map(
        lambda x: x * np.float32(setting.scale) if x.ndim == 2 else x, parameters
    )
    traced = pf.trace(
        lambda parameters, tokens: nnx.merge(structure, parameters)(tokens),
        parameters,
        jnp.zeros(setting.steps, jnp.int32),
        qoi=pf.LogitDifference(jnp.int32(good), jnp.int32(bad)),
    )
    return Problem(setting, structure, parameters, traced, good, bad, words)


def _random_model(setting: Setting) -> LSTMLanguageModel:
    return LSTMLanguageModel(
        setting.vocab,
        setting.embedding,
        setting.units,
        setting.layers,
        tied=False,
        rngs=nnx.Rngs(setting.seed),
    )


class Compilations:
    """How many times XLA compiled something."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, event: str, _seconds: float, **_keywords: Any) -> None:
        self.count += event == _COMPILED


@contextmanager
def compilations() -> Iterator[Compilations]:
    """Counts compilations within the block."""
    seen = Compilations()
    jax.monitoring.register_event_duration_secs_listener(seen)
    try:
        yield seen
    finally:
        jax.monitoring.unregister_event_duration_listener(seen)
