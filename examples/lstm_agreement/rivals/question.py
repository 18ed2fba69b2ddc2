"""What methods that look for the subject's number are asked: sentences, and the same sentences
with the other number of the subject.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import jax.numpy as jnp
import numpy as np

import pathflow as pf
from examples.lstm_agreement.sentences.encoding import Encoded, encode
from examples.lstm_agreement.sentences.tasks import Number, Sentence, swapped
from examples.lstm_agreement.tables.measure import EXACT, Settings, margins_under, traced_model
from pathflow.models import LSTMLanguageModel, Vocabulary
from pathflow.tracing import Value


@dataclass(frozen=True)
class Unit(pf.AbstractIntervention):
    """One entry of a vector is replaced, the others stay what they would be.

    Arguments:
        unit: which entry, from 0.
        instead: what gives its value; it is asked for the whole vector.
    """

    unit: int
    instead: pf.AbstractIntervention
    needs_value = True

    def replace(self, node: pf.Node, value: Value | None, clean: Any) -> Value:
        """The vector with one entry of the other."""
        held = cast("Value", value)
        given = self.instead.replace(node, held if self.instead.needs_value else None, clean)
        shape = np.broadcast_shapes(held.array.shape, given.array.shape)
        mine = np.broadcast_to(np.arange(shape[-1]) == self.unit, shape)
        new, old = (jnp.broadcast_to(v.array, shape) for v in (given, held))
        return Value(jnp.where(mine, new, old), batched=held.batched or given.batched)


@dataclass(frozen=True)
class Question:
    """The sentences and the model that every method is asked about.

    Arguments:
        model: the language model.
        vocabulary: its words.
        sentences: of one task, all conditions.
        settings: the quadrature.

    Raises:
        StudyError: a word is unknown, or the sentences are of more than one length.
    """

    model: LSTMLanguageModel
    vocabulary: Vocabulary
    sentences: tuple[Sentence, ...]
    settings: Settings = EXACT

    @property
    def steps(self) -> range:
        """From the subject to the word before the verb."""
        return range(self.sentences[0].subject.position, len(self.sentences[0].tokens))

    @property
    def node(self) -> str:
        """The cell of the second layer at the word before the verb."""
        return f"c1@{self.steps[-1]}"

    @property
    def words(self) -> Encoded:
        """The sentences, and the verbs."""
        return encode(self.sentences, self.vocabulary)

    @property
    def swapped_words(self) -> np.ndarray:
        """The sentences with the other number of the subject, (sentences, steps)."""
        return encode([swapped(s) for s in self.sentences], self.vocabulary).tokens

    @property
    def plural(self) -> np.ndarray:
        """Whether the subject is plural, sentence by sentence."""
        return np.array([s.subject.number is Number.PLURAL for s in self.sentences])

    def held(self, nodes: Sequence[str], tokens: np.ndarray) -> dict[str, np.ndarray]:
        """What nodes hold in sentences, (sentences, units), in float64."""
        traced, parameters = traced_model(self.model, tokens.shape[1])
        found = pf.activations(traced, (parameters, jnp.asarray(tokens)), nodes, in_axes=(None, 0))
        return {str(n): np.asarray(v, np.float64) for n, v in found.items()}

    def margins(self, interventions: dict[str, pf.AbstractIntervention]) -> np.ndarray:
        """Score of the agreeing verb above the other when nodes are replaced."""
        return margins_under(self.model, self.words, interventions)
