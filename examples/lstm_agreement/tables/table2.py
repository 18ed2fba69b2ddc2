"""Table 2 of the paper: accuracy when only some gates see the sentence.

Every other gate from the subject on is held at its mean over all sentences of the task (section
4.4). Gates are held, not paths: a scheme that keeps the candidate cells of a word keeps every path
through them.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from flax import nnx

import pathflow as pf
from examples.lstm_agreement.sentences.encoding import encode
from examples.lstm_agreement.sentences.tasks import NOUN_PP, NOUN_PP_ADV, Sentence, by_condition
from examples.lstm_agreement.tables.bootstrap import interval_over
from examples.lstm_agreement.tables.measure import Role, margins_under
from examples.lstm_agreement.tables.table1 import Row
from examples.lstm_agreement.tables.view import LSTM_VIEW, AbstractView
from pathflow import metrics
from pathflow.models import Vocabulary

TASKS = (NOUN_PP, NOUN_PP_ADV)
# What a scheme with random gates is averaged over.
DRAWS = 10


@dataclass(frozen=True)
class Scheme:
    """Which gates are kept.

    Arguments:
        name: of the set, in the paper's notation without the letter C: "s" for the primary path of
            the subject, "i" for that of the intervening noun, "si" for both, "" for all gates.
        complement: whether all gates but the set's are kept, an overline in the paper.
    """

    name: str
    complement: bool = False

    def __str__(self) -> str:
        return f"{'all but ' if self.complement else ''}C{self.name}"


_SETS = ("si", "s", "i")
# The columns of the paper's table, in its order.
PUBLISHED = (*(Scheme(n, True) for n in _SETS), *(Scheme(n) for n in _SETS), Scheme(""))


@dataclass(frozen=True)
class Compressed:
    """The accuracy of one condition under one scheme.

    Arguments:
        task: name of the task.
        condition: the nouns' numbers.
        scheme: which gates are kept.
        n_kept: how many gates.
        accuracy: fraction of sentences in which the agreeing verb has the higher score.
        margin: mean score of the agreeing verb above the other.
    """

    task: str
    condition: str
    scheme: Scheme
    n_kept: int
    accuracy: metrics.Interval
    margin: metrics.Interval


def all_gates(first: Sentence, view: AbstractView = LSTM_VIEW) -> frozenset[str]:
    """All gates from the subject to the word before the verb: the set `C` of the paper.

    Read literally, its definition leaves the subject's own gates out; then no scheme could keep
    the primary path, which the table is about.
    """
    return view.gates(first.subject.position, len(first.tokens) - 1)


def gates_on(paths: Sequence[pf.Path | str], gates: frozenset[str]) -> frozenset[str]:
    """The gates that lie on any of some paths."""
    return frozenset(str(n) for path in paths for n in pf.Path.parse(str(path))) & gates


def gate_sets(
    first: Sentence,
    found: Mapping[Role, Sequence[str]],
    rng: np.random.Generator,
    view: AbstractView = LSTM_VIEW,
) -> Iterator[tuple[Scheme, frozenset[str]]]:
    """The gates that each scheme keeps.

    After the paper's schemes, "Fs", "Fi" and "Fsi" follow: the gates on the paths that have rank 1
    in this model. Then, for every size of these sets, all but so many gates drawn at random: "R2"
    holds two of them.

    Arguments:
        first: any sentence of the task.
        found: paths of rank 1 by noun.
        rng: draws gates.
        view: how the model is taken apart.

    Yields:
        A scheme and its gates; each size at random comes several times.
    """
    gates, last = all_gates(first, view), len(first.tokens) - 1
    own = {"s": Role.SUBJECT, "i": Role.INTERVENING}
    primary = {
        name: gates_on([view.primary_path(role.noun(first).position, last)], gates)
        for name, role in own.items()
    }
    rank_1 = {f"F{name}": gates_on(found.get(role, ()), gates) for name, role in own.items()}
    sets = {
        "si": primary["s"] | primary["i"],
        **primary,
        "Fsi": rank_1["Fs"] | rank_1["Fi"],
        **rank_1,
    }
    for name in _SETS:
        yield Scheme(name, True), gates - sets[name]
    for name in _SETS:
        yield Scheme(name), sets[name]
    yield Scheme(""), gates
    for name in ("Fsi", "Fs", "Fi"):
        if sets[name]:
            yield Scheme(name, True), gates - sets[name]
            yield Scheme(name), sets[name]
    in_order = sorted(gates)
    for size in sorted({len(kept) for kept in sets.values()} - {0}):
        for _ in range(DRAWS):
            drawn = rng.choice(in_order, size=size, replace=False).tolist()
            yield Scheme(f"R{size}", True), gates - frozenset(drawn)


def compress(
    model: nnx.Module,
    vocabulary: Vocabulary,
    sentences: Sequence[Sentence],
    found: Mapping[Role, Sequence[str]],
    *,
    seed: int = 0,
    view: AbstractView = LSTM_VIEW,
    advance: Callable[[str], None] = lambda _what: None,
) -> tuple[Compressed, ...]:
    """Accuracy per condition and scheme.

    Arguments:
        model: the language model.
        vocabulary: its words.
        sentences: all sentences of one task, over which means are taken.
        found: paths of rank 1 by noun, of any condition.
        seed: draws the random gates.
        view: how the model is taken apart.
        advance: called with the name of each scheme that is done.

    Returns:
        One entry per scheme and condition. Random gates of one number are one scheme; its intervals
        are over draws and sentences.

    Raises:
        StudyError: a word is unknown, or the sentences are of more than one length.
    """
    first = sentences[0]
    encoded = encode(sentences, vocabulary)
    gates = all_gates(first, view)
    margins: dict[Scheme, list[np.ndarray]] = {}
    kept: dict[Scheme, int] = {}
    for scheme, keep in gate_sets(first, found, np.random.default_rng(seed), view):
        held = pf.Keep(sorted(keep), among=sorted(gates))
        margins.setdefault(scheme, []).append(margins_under(model, encoded, held, view=view))
        kept[scheme] = len(keep)
        advance(str(scheme))
    return tuple(
        Compressed(
            first.task,
            condition,
            scheme,
            kept[scheme],
            interval_over(np.stack(draws)[:, of_condition] > 0),
            interval_over(np.stack(draws)[:, of_condition]),
        )
        for scheme, draws in margins.items()
        for condition, of_condition in by_condition(sentences)
    )


def rank_1_paths(rows: Sequence[Row], task: str) -> dict[Role, tuple[str, ...]]:
    """The paths of rank 1 of the trained model in any condition of a task, by noun."""
    found: dict[Role, dict[str, None]] = {}
    for row in rows:
        if row.model == "trained" and row.task == task:
            found.setdefault(row.role, {})[row.largest] = None
    return {role: tuple(paths) for role, paths in found.items()}
