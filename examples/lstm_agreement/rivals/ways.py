"""The way of the subject's number into a unit: when it enters the unit's cell for the last time,
and by which gate.

That is what no score of units says. From one word to the next a unit's cell is only multiplied, so
that each path through the cell at the last word enters it for the last time at one word, by one of
three gates; these classes of paths have nothing in common and add up to all paths through the unit.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64

import pathflow as pf
from examples.lstm_agreement.rivals.question import Question
from examples.lstm_agreement.tables.measure import Role, noun_influences

# The gates that a cell reads.
_GATES = "gif"


@dataclass(frozen=True)
class Ways:
    """Influence of the subject through the second layer's cell at the last word.

    Arguments:
        entries: the gates by which it enters the cell, as in "g1@2", gate after gate and word after
            word.
        influences: through each of them and into each unit, in logits, mean over the sentences.
    """

    entries: tuple[pf.Node, ...]
    influences: Float64[np.ndarray, "entries units"]

    def as_json(self) -> dict[str, Any]:
        """As plain JSON."""
        return {"entries": list(map(str, self.entries)), "influences": self.influences.tolist()}

    @classmethod
    def of_json(cls, fields: Mapping[str, Any]) -> "Ways":
        """From what `as_json` returned."""
        entries = tuple(map(pf.Node.parse, fields["entries"]))
        return cls(entries, np.array(fields["influences"], np.float64))

    def by_word(self) -> Float64[np.ndarray, "words units"]:
        """The sums over gates, from the subject to the last word."""
        return self.influences.reshape(len(_GATES), -1, self.influences.shape[1]).sum(axis=0)

    def largest(self, unit: int) -> tuple[pf.Node, float]:
        """The entry that carries most into a unit, and what it carries."""
        at = int(np.abs(self.influences[:, unit]).argmax())
        return self.entries[at], float(self.influences[at, unit])


def ways(question: Question, *, advance: Callable[[str], None] = lambda _what: None) -> Ways:
    """Finds the ways into all units.

    Arguments:
        question: the sentences and the model.
        advance: called with the name of each entry before it is asked about.
    """
    steps, node = question.steps, question.node
    entries = tuple(pf.Node.parse(f"{gate}1@{step}") for gate in _GATES for step in steps)
    found = []
    for entry in entries:
        advance(str(entry))
        along = " ".join(f"c1@{t}" for t in range(entry.index[0], steps[-1] + 1))
        result = noun_influences(
            question.model,
            question.vocabulary,
            question.sentences,
            Role.SUBJECT,
            question.settings,
            search=pf.Refine(f"x@{steps[0]} .* {entry} {along} .* qoi", at=node),
        )
        found.append(result.by_part(node).mean(axis=0))
    return Ways(entries, np.stack(found))
