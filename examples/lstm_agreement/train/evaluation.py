"""Accuracy on every published task file, beside the published model's (Lakretz et al. 2019).

The files of tasks that the study itself does not use (two adverbs, conjoined adverbs, relative
clauses) are read here too: all of them are pairs of lines that differ in the last word.
"""

import csv
import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from examples.lstm_agreement.errors import StudyError
from examples.lstm_agreement.train.corpus import task_files
from pathflow.models import LanguageModel, Vocabulary

_PUBLISHED = "lakretz_reference/table2_lakretz2019.tsv"
_BATCH = 256


@dataclasses.dataclass(frozen=True)
class Pair:
    """The words before a verb, its form that agrees and its other form."""

    words: tuple[str, ...]
    condition: str
    correct: str
    wrong: str


@dataclasses.dataclass(frozen=True)
class FileAccuracy:
    """How many sentences of a file and condition have the higher score for the agreeing verb.

    `published` is the accuracy of the published model, where it was reported.
    """

    file: str
    condition: str
    n_sentences: int
    n_correct: int
    published: float | None

    @property
    def value(self) -> float:
        """The fraction."""
        return self.n_correct / self.n_sentences


def read_pairs(path: Path) -> tuple[Pair, ...]:
    """Reads a file of lines `sentence TAB numbers TAB correct|wrong TAB id`, two per sentence.

    Raises:
        StudyError: two lines are no pair; the message names the line.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise StudyError(f"{path} is no text in UTF-8 ({error}).") from error
    pairs = []
    for number in range(0, len(lines) - 1, 2):
        first, second = (line.split("\t") for line in lines[number : number + 2])
        marks = first[2:3] + second[2:3]
        if marks != ["correct", "wrong"] or (first[1], first[3:]) != (second[1], second[3:]):
            raise StudyError(f"{path}:{number + 1}: a correct line and then the wrong one follow.")
        words, same = first[0].split(), second[0].split()
        if not words or words[:-1] != same[:-1] or words[-1:] == same[-1:]:
            raise StudyError(f"{path}:{number + 1}: the two lines must differ in the verb alone.")
        (*words, correct), (*_, wrong) = words, same
        letters = "".join(part[:1].upper() for part in first[1].split("_"))
        # A name has no plural, and its condition is written as singular in the published table.
        condition = f"{letters}S" if path.stem == "namepp" else letters
        pairs.append(Pair(tuple(words), condition, correct, wrong))
    return tuple(pairs)


def file_accuracies(
    model: LanguageModel, vocabulary: Vocabulary, data: Path, *, at_most: int | None = None
) -> tuple[FileAccuracy, ...]:
    """Accuracy per task file and condition; the state is zero before the first word.

    Arguments:
        model: the model.
        vocabulary: its words, with every word of the tasks among them.
        data: the folder that holds the task files.
        at_most: evaluates so many sentences of each condition, drawn at random; all where it is
            None.

    Raises:
        StudyError: a file is missing or malformed.
    """
    published = published_accuracies(data)
    found = []
    for path in task_files(data):
        by_condition: dict[str, list[Pair]] = {}
        for pair in read_pairs(path):
            by_condition.setdefault(pair.condition, []).append(pair)
        for condition, pairs in by_condition.items():
            chosen = _drawn(pairs, at_most)
            right = int(np.sum(_margins(model, vocabulary, chosen) > 0))
            reference = published.get((path.stem, condition))
            found.append(FileAccuracy(path.stem, condition, len(chosen), right, reference))
    return tuple(found)


def published_accuracies(data: Path) -> dict[tuple[str, str], float]:
    """The published model's accuracies by file and condition; empty where the table is missing."""
    path = data / _PUBLISHED
    if not path.exists():
        return {}
    rows = csv.DictReader(path.read_text(encoding="utf-8").splitlines(), delimiter="\t")
    return {(r["file"], r["condition"]): float(r["full"]) / 100 for r in rows if r["full"] != "-"}


def _margins(model: LanguageModel, vocabulary: Vocabulary, pairs: Sequence[Pair]) -> np.ndarray:
    """Score of the agreeing verb minus that of the other form, pair by pair."""
    lengths = np.array([len(pair.words) for pair in pairs])
    margins = np.empty(len(pairs))
    for length in np.unique(lengths):
        places = np.flatnonzero(lengths == length)
        for at in _batched(places):
            group = [pairs[k] for k in at]
            tokens = np.stack([vocabulary.encode(pair.words) for pair in group], axis=1)
            forms = vocabulary.encode(itertools.chain(*((p.correct, p.wrong) for p in group)))
            # The last batch is filled up, so that the model is compiled once for a length.
            padding = _BATCH - len(at)
            tokens = np.pad(tokens, ((0, 0), (0, padding)), mode="edge")
            pairs_of_forms = np.pad(forms.reshape(-1, 2), ((0, padding), (0, 0)), mode="edge")
            scores = _scores(model, jnp.asarray(tokens), jnp.asarray(pairs_of_forms))
            margins[at] = np.asarray(scores)[: len(at)]
    return margins


def _drawn(pairs: Sequence[Pair], at_most: int | None) -> Sequence[Pair]:
    if at_most is None or len(pairs) <= at_most:
        return pairs
    chosen = np.random.default_rng(0).choice(len(pairs), at_most, replace=False)
    return [pairs[k] for k in chosen]


def _batched(places: np.ndarray) -> Iterator[np.ndarray]:
    for k in range(0, len(places), _BATCH):
        yield places[k : k + _BATCH]


@nnx.jit
def _scores(model: LanguageModel, tokens: jax.Array, forms: jax.Array) -> jax.Array:
    state = model.initial_state(tokens.shape[1])
    keep = jnp.ones(tokens.shape, model.output_bias[...].dtype)
    features, _ = model.features(tokens, keep, state)
    rows = model.output_rows[forms]
    logits = jnp.einsum("bh,bfh->bf", features[-1], rows) + model.output_bias[...][forms]
    return logits[:, 0] - logits[:, 1]
