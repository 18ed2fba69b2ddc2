"""Language models and sentences of any length, for searches beyond enumeration."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

import pathflow as pf
from pathflow.models import LSTMLanguageModel, load_checkpoint

TRAINED = Path(__file__).parents[1] / "examples/lstm_agreement/checkpoints/english.safetensors"
# Words that sentences are drawn from: the most frequent ones of the trained model's.
_WORDS = 1000


@dataclass(frozen=True, eq=False)
class Sentences:
    """A model, traced at one length.

    Arguments:
        name: of the model, as the table calls it.
        parameters: of the model.
        run: `(parameters, tokens) -> logits`.
        traced: its graph.
        good, bad: the words whose logits are compared.
        points: of the Gauss-Legendre rule on the line to the first word.
    """

    name: str
    parameters: Any
    run: Callable[[Any, Any], Any]
    traced: pf.TracedGraph
    good: int
    bad: int
    points: int
    steps: int
    embedding: np.ndarray

    def arguments(self, number: int) -> dict[str, Any]:
        """The arguments of `pathflow.attribute` for one of many random sentences."""
        random = np.random.default_rng([7, number])
        tokens = random.integers(_WORDS, size=self.steps, dtype=np.int32)
        first, other = self.embedding[tokens[0]], self.embedding[random.integers(_WORDS)]
        return {
            "graph": self.traced,
            "args": (self.parameters, jnp.asarray(tokens)),
            "source": "x@0",
            "doi": pf.Line(jnp.asarray((first + other) / 2), n_steps=self.points),
        }

    def total(self) -> Callable[[dict[str, Any]], float]:
        """The derivative of the untouched function along the line, by `jax.jvp`: no paths."""

        @jax.jit
        def of_points(parameters: Any, tokens: Any, baseline: Any) -> Any:
            word = jnp.asarray(self.embedding)[tokens[0]]
            # The first word is given as an embedding of its own, in a row that no sentence uses.
            place = self.embedding.shape[0] - 1
            moved = tokens.at[0].set(place)

            def quantity(x: Any) -> Any:
                given = jax.tree_util.tree_map_with_path(
                    lambda path, p: p.at[place].set(x) if "embedding" in str(path) else p,
                    parameters,
                )
                logits = self.run(given, moved)
                return logits[self.good] - logits[self.bad]

            fractions, weights = pf.GaussLegendre().nodes_and_weights(self.points)
            line = baseline + jnp.asarray(fractions, word.dtype)[:, None] * (word - baseline)
            along = jax.vmap(lambda x: jax.jvp(quantity, (x,), (word - baseline,))[1])(line)
            return along @ jnp.asarray(weights, along.dtype)

        def run(given: dict[str, Any]) -> float:
            parameters, tokens = given["args"]
            return float(of_points(parameters, tokens, given["doi"].baseline))

        return run


def trained() -> tuple[LSTMLanguageModel, tuple[str, ...]]:
    """The shipped language model, and its words by number."""
    checkpoint = load_checkpoint(TRAINED)
    return checkpoint.model, tuple(checkpoint.vocabulary.words)


def agreement(random: np.random.Generator, steps: int, words: Sequence[str]) -> list[str]:
    """A noun, places, adverbs where there is room for no place, and the noun in its other number.

    Arguments:
        random: draws the words from those of the agreement study.
        steps: how many words, the noun in its other number not counted.
        words: what the model knows.
    """
    from examples.lstm_agreement.sentences import lexicon  # noqa: PLC0415  (of one case)

    known = lexicon.ENGLISH.within(frozenset(words))

    def one(entries: Sequence[Any]) -> Any:
        return entries[random.integers(len(entries))]

    def numbers(forms: lexicon.Forms) -> list[str]:
        return random.permutation([forms.singular, forms.plural]).tolist()

    subject, other = numbers(one(known.subjects))
    said = [subject]
    while len(said) + 3 <= steps:
        said += [one(known.prepositions), known.article, numbers(one(known.places))[0]]
    said += [one(known.adverbs) for _ in range(steps - len(said))]
    return [*said, other]


def sentences(name: str, steps: int, points: int) -> Sentences:
    """The model called `trained`, or one of random weights with as many units as `name` says."""
    if name == "trained":
        model, words = trained()
        good, bad = (words.index(w) for w in ("is", "are"))
        title = f"trained, 2 x {model.hidden_dim}"
    else:
        units = int(name)
        model = LSTMLanguageModel(2 * _WORDS, units, units, 2, False, rngs=nnx.Rngs(0))
        good, bad, title = 1, 2, f"random, 2 x {units}"
    structure, parameters = nnx.split(model)

    def run(parameters: Any, tokens: Any) -> Any:
        return nnx.merge(structure, parameters)(tokens)

    traced = pf.trace(
        run,
        parameters,
        jnp.zeros(steps, jnp.int32),
        qoi=pf.LogitDifference(jnp.int32(good), jnp.int32(bad)),
    )
    embedding = np.asarray(model.embedding[...])
    return Sentences(title, parameters, run, traced, good, bad, points, steps, embedding)
