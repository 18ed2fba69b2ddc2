"""The same question asked by interventions: what does the score lose when a part of the state
before the inner verb is the one of the sentence with the other number of the subject.

No derivative is taken. All four states together hold everything that is known of the subject by
then, so that exchanging them changes as much as exchanging the word itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float64

import pathflow as pf
from examples.lstm_agreement.clauses.crossing import ENTRIES, STATES, Entry
from examples.lstm_agreement.sentences.encoding import encode
from examples.lstm_agreement.sentences.tasks import Sentence, swapped
from examples.lstm_agreement.tables.measure import margins_under, primary_path, traced_model
from pathflow.models import LSTMLanguageModel, Vocabulary

Margins = Float64[np.ndarray, " sentences"]


@dataclass(frozen=True)
class Exchange:
    """Score of the agreeing verb above the other, sentence by sentence.

    Arguments:
        clean: as it is.
        all_states: with the whole state before the inner verb from the other sentence.
        by_entry: with what enters by one of `ENTRIES` alone from there.
        by_state: with one of `STATES` alone from there.
        but_state: with all states but one of `STATES` from there.
        primary: with the other form of the subject seen along the primary path alone.
    """

    clean: Margins
    all_states: Margins
    by_entry: Float64[np.ndarray, "sentences entries"]
    by_state: Float64[np.ndarray, "sentences states"]
    but_state: Float64[np.ndarray, "sentences states"]
    primary: Margins


def exchange(
    model: LSTMLanguageModel, vocabulary: Vocabulary, sentences: Sequence[Sentence], verb: int
) -> Exchange:
    """Exchanges the state before the inner verb, part by part.

    Arguments:
        model: the language model.
        vocabulary: its words.
        sentences: of one task.
        verb: position of the inner verb, behind the subject.

    Raises:
        StudyError: a word is unknown to the model, or the sentences are of more than one length.
    """
    words = encode(sentences, vocabulary)
    other = encode([swapped(s) for s in sentences], vocabulary).tokens
    traced, parameters = traced_model(model, words.tokens.shape[1])
    subject, last = sentences[0].subject.position, words.tokens.shape[1] - 1
    nodes = [f"{state}@{verb - 1}" for state in STATES]
    held = pf.activations(
        traced, (parameters, jnp.asarray(other)), [*nodes, f"x@{subject}"], in_axes=(None, 0)
    )
    instead = {str(node): pf.Fix(value) for node, value in held.items()}

    def under(entries: Sequence[Entry]) -> Margins:
        used = {n: instead[n] for n in nodes if any(e.state == n.split("@")[0] for e in entries)}
        along = " | ".join(f"{e.edge(verb)} .*" for e in entries)
        return margins_under(model, words, used, along=along)

    def of_states(states: Sequence[str]) -> Margins:
        return under([e for e in ENTRIES if e.state in states])

    source = f"x@{subject}"
    return Exchange(
        margins_under(model, words, {}),
        of_states(STATES),
        np.stack([under([e]) for e in ENTRIES], axis=1),
        np.stack([of_states([s]) for s in STATES], axis=1),
        np.stack([of_states([o for o in STATES if o != s]) for s in STATES], axis=1),
        margins_under(model, words, {source: instead[source]}, along=primary_path(subject, last)),
    )
