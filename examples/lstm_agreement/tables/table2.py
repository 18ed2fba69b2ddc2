"""Table 2 of the paper: accuracy when only some gates see the sentence.

Every other gate from the subject on is held at its mean over all sentences of the task (section
4.4). Gates are held, not paths: a scheme that keeps the candidate cells of a word keeps every path
through them.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from flax import nnx

import pathflow as pf
from examples.lstm_agreement.sentences.encoding import encode
from examples.lstm_agreement.sentences.tasks import NOUN_PP, NOUN_PP_ADV, Sentence, by_condition
from examples.lstm_agreement.tables.blocks import Kept
from examples.lstm_agreement.tables.bootstrap import interval_over
from examples.lstm_agreement.tables.held import grouped, margins_of, node_means
from examples.lstm_agreement.tables.measure import Role
from examples.lstm_agreement.tables.paired import (
    Difference,
    between_schemes,
)
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
    in this model. Then, for every size of these sets, all but so many gates drawn at random from
    those that no set of this size has: "R2" holds two of them. A size is left out where fewer
    gates remain.

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
    for size in sorted({len(kept) for kept in sets.values()} - {0}):
        # A control that shared gates with what it is compared with would partly be the same.
        others = sorted(gates.difference(*(kept for kept in sets.values() if len(kept) == size)))
        for _ in range(DRAWS if len(others) >= size else 0):
            drawn = rng.choice(others, size=size, replace=False).tolist()
            yield Scheme(f"R{size}", True), gates - frozenset(drawn)


def compress(
    model: nnx.Module,
    vocabulary: Vocabulary,
    sentences: Sequence[Sentence],
    found: Mapping[Role, Sequence[str]],
    *,
    seed: int = 0,
    view: AbstractView = LSTM_VIEW,
    kept: Kept | None = None,
    advance: Callable[[int], None] = lambda _n: None,
) -> tuple[Compressed, ...]:
    """Accuracy per condition and scheme.

    Arguments:
        model: the language model.
        vocabulary: its words.
        sentences: all sentences of one task, over which means are taken.
        found: paths of rank 1 by noun, of any condition.
        seed: draws the random gates.
        view: how the model is taken apart.
        kept: where, and under which key, the score differences are kept block by block.
        advance: called with the number of sentences done since the last call.

    Returns:
        One entry per scheme and condition. Random gates of one number are one scheme; its intervals
        are over draws and sentences.

    Raises:
        StudyError: a word is unknown, or the sentences are of more than one length.
    """
    asked = hold(
        model, vocabulary, sentences, found, seed=seed, view=view, kept=kept, advance=advance
    )
    return accuracies(asked)


@dataclass(frozen=True)
class Held:
    """What was measured under all schemes.

    Arguments:
        task: name of the task.
        conditions: with the sentences of each.
        n_kept: how many gates each scheme keeps.
        margins: score differences under each, (draws, sentences), by its name.
    """

    task: str
    conditions: tuple[tuple[str, np.ndarray], ...]
    n_kept: Mapping[Scheme, int]
    margins: Mapping[str, np.ndarray]


def hold(
    model: nnx.Module,
    vocabulary: Vocabulary,
    sentences: Sequence[Sentence],
    found: Mapping[Role, Sequence[str]],
    *,
    seed: int = 0,
    view: AbstractView = LSTM_VIEW,
    kept: Kept | None = None,
    advance: Callable[[int], None] = lambda _n: None,
) -> Held:
    """Score differences under every scheme; arguments and errors are those of `compress`."""
    first = sentences[0]
    gates = all_gates(first, view)
    means = node_means(model, encode(sentences, vocabulary), sorted(gates), view)
    sets = list(gate_sets(first, found, np.random.default_rng(seed), view))
    ways = [{gate: pf.Fix(means[gate]) for gate in sorted(gates - keep)} for _, keep in sets]
    measured = margins_of(model, vocabulary, sentences, ways, view=view, kept=kept, advance=advance)
    return Held(
        first.task,
        by_condition(sentences),
        {scheme: len(keep) for scheme, keep in sets},
        grouped(measured, Counter(str(scheme) for scheme, _ in sets)),
    )


def accuracies(held: Held) -> tuple[Compressed, ...]:
    """Accuracy per condition and scheme."""
    return tuple(
        Compressed(
            held.task,
            condition,
            scheme,
            n_kept,
            interval_over(held.margins[str(scheme)][:, of_condition] > 0),
            interval_over(held.margins[str(scheme)][:, of_condition]),
        )
        for scheme, n_kept in held.n_kept.items()
        for condition, of_condition in held.conditions
    )


def differences(held: Held) -> tuple[Difference, ...]:
    """Differences of accuracy: random gates held against as many of the subject's path, or of both
    paths; those of the noun's against none; none against those of the paths of rank 1.
    """
    subject, both = (f"all but CR{held.n_kept[Scheme(name)]}" for name in ("s", "si"))
    pairs = (
        (subject, "all but Cs"),
        (both, "all but Csi"),
        ("all but Ci", "C"),
        ("C", "all but CFsi"),
    )
    return tuple(between_schemes(held.task, held.conditions, held.margins, pairs))


def rank_1_paths(rows: Sequence[Row], task: str) -> dict[Role, tuple[str, ...]]:
    """The paths of rank 1 of the trained model in any condition of a task, by noun."""
    found: dict[Role, dict[str, None]] = {}
    for row in rows:
        if row.model == "trained" and row.task == task:
            found.setdefault(row.role, {})[row.largest] = None
    return {role: tuple(paths) for role, paths in found.items()}
