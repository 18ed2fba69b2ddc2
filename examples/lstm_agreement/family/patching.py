"""What paths carry, by interventions: the noun changes its number, and some paths alone see it.

No derivative is taken, so this checks what the influences say, and for a change of full size.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from flax import nnx

import pathflow as pf
from examples.lstm_agreement.sentences.encoding import encode, encode_forms
from examples.lstm_agreement.sentences.tasks import Sentence
from examples.lstm_agreement.tables.measure import Role, margins_under
from examples.lstm_agreement.tables.view import AbstractView
from pathflow import metrics
from pathflow.models import Vocabulary


@dataclass(frozen=True)
class Patch:
    """What happens when the subject's number is changed.

    Arguments:
        task: name of the task.
        condition: the nouns' numbers.
        paths: what these paths are called.
        whole: mean change of the score difference when everything sees the change, in logits.
        along: the same when these paths alone see it.
        accuracy: fraction of sentences that are still right then; 0 where the paths carry all.
        sparing: fraction that are still right when all but these paths see it; 1 where they do.
    """

    task: str
    condition: str
    paths: str
    whole: float
    along: metrics.Interval
    accuracy: float
    sparing: float


def swap_subjects(
    model: nnx.Module,
    vocabulary: Vocabulary,
    sentences: Sequence[Sentence],
    sets: Mapping[str, str],
    view: AbstractView,
) -> Iterator[Patch]:
    """Changes the subjects' number, set after set of paths.

    Arguments:
        model: the language model.
        vocabulary: its words.
        sentences: of one task and condition.
        sets: paths from the subject by what they are called: labels or patterns.
        view: how the model is taken apart.

    Raises:
        StudyError: a word is unknown, or the sentences are of more than one length.
        NoPathError: a set is empty.
    """
    first = sentences[0]
    encoded = encode(sentences, vocabulary)
    at = Role.SUBJECT.noun(first).position
    forms = encode_forms([s.subject for s in sentences], vocabulary)
    other = np.where(forms[:, 0] == encoded.tokens[:, at], forms[:, 1], forms[:, 0])
    swap = {view.source(at): pf.Fix(jnp.asarray(view.embedding(model))[other])}
    before = margins_under(model, encoded, {}, view=view)
    whole = margins_under(model, encoded, swap, view=view) - before
    for name, paths in sets.items():
        along, sparing = (
            margins_under(model, encoded, swap, view=view, **{how: paths})
            for how in ("along", "sparing")
        )
        yield Patch(
            first.task,
            first.condition,
            name,
            float(whole.mean()),
            metrics.bootstrap_interval(along - before),
            float(np.mean(along > 0)),
            float(np.mean(sparing > 0)),
        )
