"""What paths carry over one distance: exact sums of classes of paths, and estimates."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import jax
import numpy as np

import pathflow as pf
from examples.lstm_agreement.context.sentences import SUBJECT
from examples.lstm_agreement.language_models.evaluation import verb_margins
from examples.lstm_agreement.sentences.tasks import Sentence, by_condition
from examples.lstm_agreement.tables.measure import Role, Settings, noun_influences, primary_path
from pathflow import metrics
from pathflow.models import LSTMLanguageModel, Vocabulary


@dataclass(frozen=True)
class Length:
    """What is found at one length.

    Arguments:
        n_words: how many words stand between subject and verb.
        condition: the numbers of the subject and of all other nouns.
        n_sentences: how many sentences.
        accuracy: fraction of sentences in which the agreeing verb has the higher score.
        n_paths: how many paths lead from the subject to the score.
        total: mean influence of all of them, in logits.
        primary: mean influence of the primary path.
        classes: mean influence of exact classes of paths, by name; they and the rest add up to the
            total.
        absolute: the sum of absolute influences, mean over sentences, estimated.
        share: fraction of the positive influence that the primary path has, estimated.
        t: probability that the primary path exceeds another one, drawn uniformly, estimated.
        structural: worst structural residual of the exact sums.
    """

    n_words: int
    condition: str
    n_sentences: int
    accuracy: metrics.Interval
    n_paths: int
    total: metrics.Interval
    primary: metrics.Interval
    classes: dict[str, metrics.Interval]
    absolute: metrics.Interval
    share: metrics.Interval
    t: metrics.Interval
    structural: float


def path_classes(n_words: int) -> dict[str, str]:
    """Patterns of classes of paths that have nothing in common: where the number waits.

    Arguments:
        n_words: how many words stand between subject and verb.

    Returns:
        The primary path; the other paths that leave the first layer at the subject and wait in the
        cell of the second; and, where there are words between, those that wait in the cell of the
        first layer until the last word.
    """
    last = SUBJECT + n_words
    primary = primary_path(SUBJECT, last)
    second = f"x ?0@{SUBJECT} c0@{SUBJECT}? h0@{SUBJECT} ?1@{SUBJECT} c1+ h1 qoi"
    first = f"x ?0@{SUBJECT} c0+ h0@{last} ?1@{last} c1@{last}? h1 qoi"
    classes = {"primary": primary, "second cell": f"({second}) & ~({primary})"}
    return classes | ({"first cell": first} if n_words else {})


def measure(
    model: LSTMLanguageModel,
    vocabulary: Vocabulary,
    sentences: Sequence[Sentence],
    settings: Settings,
    *,
    draws: int = 1000,
    seed: int = 0,
    known: Callable[[Sequence[Sentence]], Length | None] = lambda _sentences: None,
) -> Iterator[Length]:
    """Measures the subject's paths, condition by condition.

    Arguments:
        model: the language model.
        vocabulary: its words.
        sentences: of one length.
        settings: the quadrature.
        draws: paths that are drawn for each of the two estimates.
        seed: of the draws.
        known: what an earlier run found of some sentences, if anything.

    Yields:
        What is found, one condition after the other.
    """
    n_words = len(sentences[0].tokens) - 1 - SUBJECT
    primary = primary_path(SUBJECT, SUBJECT + n_words)
    margins = verb_margins(model, vocabulary, sentences)
    searches = (
        pf.Aggregate(path_classes(n_words)),
        pf.Sample(draws, jax.random.key(seed), pf.Importance(), of=(primary,)),
        pf.Sample(draws, jax.random.key(seed), of=(primary,)),
    )
    for condition, of_condition in by_condition(sentences):
        asked = [s for s in sentences if s.condition == condition]
        if (before := known(asked)) is not None:
            yield before
            continue
        # A sample speaks of the sentences that it was drawn for, so that they go in together.
        together = replace(settings, chunk=len(asked))
        sums, large, uniform = (
            noun_influences(model, vocabulary, asked, Role.SUBJECT, together, search=search)
            for search in searches
        )
        yield Length(
            n_words,
            condition,
            len(asked),
            metrics.bootstrap_interval((margins[of_condition] > 0).astype(np.float64)),
            sums.count,
            metrics.bootstrap_interval(sums.total),
            metrics.bootstrap_interval(sums["primary"]),
            {
                name: metrics.bootstrap_interval(sums[name])
                for name in [*path_classes(n_words), "rest"]
            },
            large.absolute_sum(),
            large.positive_share(primary),
            uniform.t_value(primary),
            float(np.max(sums.audit.structural)),
        )
