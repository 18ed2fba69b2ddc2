"""What carries the outer subject's number into and out of the step of the inner verb, exactly.

A path visits words in their order, so that it enters the step of the inner verb exactly once: from
the cell of a layer into the same cell, or from the hidden state of a layer into one of the four
gates. That makes ten classes of paths that have nothing in common and add up to all of them; and
likewise for how a path leaves the step, where the sentence goes on.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

import pathflow as pf
from examples.lstm_agreement.sentences.tasks import Sentence
from examples.lstm_agreement.tables.measure import Role, Settings, noun_influences, primary_path
from pathflow.models import LSTMLanguageModel, Vocabulary

GATES = "fiog"
_PRIMARY = "primary path"
# Where the number can be from one word to the next.
STATES = ("c0", "h0", "c1", "h1")


@dataclass(frozen=True)
class Entry:
    """A way into a step: the state that the number is in before it, and what takes it from there.

    Arguments:
        state: a cell or a hidden state, as in "h0".
        into: the same cell, or a gate of the same layer, as in "g0".
    """

    state: str
    into: str

    def __str__(self) -> str:
        return f"{self.state} > {self.into}"

    def edge(self, step: int) -> str:
        """The edge into a step, as a pattern."""
        return f"{self.state}@{step - 1} {self.into}@{step}"


ENTRIES = tuple(
    Entry(state, into)
    for state in STATES
    for into in ([state] if state[0] == "c" else [f"{gate}{state[1]}" for gate in GATES])
)


def left_by(entry: Entry) -> tuple[str, ...]:
    """The states by which paths that came in by an entry can leave the same step.

    The second layer does not lead back to the first, and an output gate not to the cell.
    """
    layer = int(entry.into[1])
    return STATES[2 * layer + (entry.into[0] == "o") :]


def crossing_classes(verb: int, last: int) -> dict[str, str]:
    """Patterns of the classes of paths: how they enter a step, and how they leave it.

    Arguments:
        verb: the step.
        last: the last step; nothing is left where the two are the same.

    Returns:
        A pattern under each name, as in "h0 > g0" or "h0 > g0, c1".
    """
    entering = {e: _through(e.edge(verb), verb) for e in ENTRIES}
    if verb == last:
        return {str(e): pattern for e, pattern in entering.items()}
    leaving = {
        state: " | ".join(f"({_through(e.edge(verb + 1), verb + 1)})" for e in of_state)
        for state in STATES
        if (of_state := [e for e in ENTRIES if e.state == state])
    }
    return {
        f"{e}, {state}": f"({entering[e]}) & ({leaving[state]})"
        for e in ENTRIES
        for state in left_by(e)
    }


def _through(edge: str, step: int) -> str:
    """The paths through an edge into a step.

    Steps before and after it are told apart by their index, which keeps the automaton small.
    """
    return f"(.@:{step})* {edge} (.@{step}:)* qoi"


@dataclass(frozen=True)
class Crossing:
    """The influence of the outer subject by how it crosses the inner verb, in logits.

    Arguments:
        verb: the step of the inner verb.
        last: the last step.
        names: of the classes, as in "h0 > g0, c1": by what the number enters the step and in what
            it leaves it; the second is missing where the inner verb is the last word.
        influences: of each class in every sentence.
        primary: of the primary path, which is in one of the classes, in every sentence.
        structural: worst structural residual of the sums.
    """

    verb: int
    last: int
    names: tuple[str, ...]
    influences: Float64[np.ndarray, "sentences classes"]
    primary: Float64[np.ndarray, " sentences"]
    structural: float

    def by_entry(self) -> Float64[np.ndarray, "sentences entries"]:
        """The sums over how they leave, for each of `ENTRIES`."""
        return self._sums([[n.split(",")[0] == str(e) for n in self.names] for e in ENTRIES])

    def by_state(self) -> Float64[np.ndarray, "sentences states"]:
        """The sums for each of `STATES` that the number is in before the inner verb."""
        return self._sums([[n.startswith(s) for n in self.names] for s in STATES])

    def by_state_after(self) -> Float64[np.ndarray, "sentences states"] | None:
        """The sums for each of `STATES` that it leaves in; None where the sentence ends there."""
        if self.verb == self.last:
            return None
        return self._sums([[n.endswith(f", {s}") for n in self.names] for s in STATES])

    def _sums(self, members: Sequence[Sequence[bool]]) -> np.ndarray:
        return self.influences @ np.array(members, np.float64).T


def cross(
    model: LSTMLanguageModel,
    vocabulary: Vocabulary,
    sentences: Sequence[Sentence],
    verb: int,
    settings: Settings,
) -> Crossing:
    """Sums the subject's influence over the classes of paths.

    Arguments:
        model: the language model.
        vocabulary: its words.
        sentences: of one task.
        verb: position of the inner verb, behind the subject.
        settings: the quadrature.

    Raises:
        StudyError: a word is unknown to the model, or the sentences are of more than one length.
    """
    subject, last = sentences[0].subject.position, len(sentences[0].tokens) - 1
    classes = crossing_classes(verb, last)
    search = pf.Aggregate({**classes, _PRIMARY: primary_path(subject, last)})
    found = noun_influences(model, vocabulary, sentences, Role.SUBJECT, settings, search=search)
    return Crossing(
        verb,
        last,
        tuple(classes),
        np.stack([np.asarray(found[name], np.float64) for name in classes], axis=1),
        np.asarray(found[_PRIMARY], np.float64),
        float(np.max(found.audit.structural)),
    )
