"""Compares a model with the published scores of the 650-unit model of Gulordava et al. (2018).

    python -m examples.lstm_agreement.reference FOLDER CHECKPOINT [--vocab VOCAB]

The folder holds, for 4,000 nounPP sentences, the log-probabilities that the published code gave
both forms of the verb (`gulordava650_nounpp_logprobs.tsv`), and the words that it read before every
sentence (`init_context.txt`). The published model, rightly converted, gives the same numbers.
"""

import argparse
import csv
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

import pathflow as pf
from examples.lstm_agreement.errors import StudyError
from examples.lstm_agreement.language_models.checkpoint import open_checkpoint
from examples.lstm_agreement.language_models.evaluation import batches
from pathflow.models import LSTMLanguageModel, LSTMState, Vocabulary

_SCORES = "gulordava650_nounpp_logprobs.tsv"
_CONTEXT = "init_context.txt"
_LETTERS = {"singular": "S", "plural": "P"}
# Written with six digits, and computed in float32 by another library on another machine.
TOLERANCE = 1e-3


@dataclass(frozen=True)
class Reference:
    """Published scores.

    Arguments:
        context: the words before every sentence.
        sentences: the words of each sentence before the verb, all equally many.
        verbs: the right form of each verb, and the other one.
        conditions: the numbers of subject and intervening noun, as in "SP".
        scores: log-probabilities of the two forms, (n, 2).
    """

    context: tuple[str, ...]
    sentences: tuple[tuple[str, ...], ...]
    verbs: tuple[tuple[str, str], ...]
    conditions: tuple[str, ...]
    scores: np.ndarray


@dataclass(frozen=True)
class Comparison:
    """How a model's scores and the published ones differ.

    Arguments:
        largest: the largest difference of a log-probability.
        accuracies: how often the right form has the higher score, by condition: here, published.
    """

    largest: float
    accuracies: Mapping[str, tuple[float, float]]


def read_reference(folder: Path) -> Reference:
    """Reads the published scores.

    Raises:
        StudyError: a file is missing or not in the format.
    """
    try:
        context = (folder / _CONTEXT).read_text(encoding="utf-8").split()
        text = (folder / _SCORES).read_text(encoding="utf-8")
        rows = list(csv.DictReader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE))
        return Reference(
            tuple(context),
            tuple(tuple(row["sentence"].split()[:-1]) for row in rows),
            tuple((row["correct"], row["wrong"]) for row in rows),
            tuple(
                _LETTERS[row["number_subject"]] + _LETTERS[row["number_intervening"]]
                for row in rows
            ),
            np.array([[row["logp_correct"], row["logp_wrong"]] for row in rows], float),
        )
    except (OSError, KeyError, ValueError) as error:
        raise StudyError(
            f"{folder} must hold {_SCORES} and {_CONTEXT} as published ({error!r})."
        ) from error


def verb_scores(
    model: LSTMLanguageModel, vocabulary: Vocabulary, reference: Reference
) -> np.ndarray:
    """Log-probabilities of both forms of every verb after its sentence, (n, 2).

    Raises:
        StudyError: a word of the sentences is unknown to the model, or they differ in length.
    """
    words = {w for s in (*reference.sentences, *reference.verbs) for w in s}
    if unknown := sorted(words - set(vocabulary)):
        raise StudyError(f"the model's vocabulary lacks {', '.join(unknown[:8])}.")
    if len({len(sentence) for sentence in reference.sentences}) != 1:
        raise StudyError("the sentences must be of one length.")
    tokens = np.stack([vocabulary.encode(sentence) for sentence in reference.sentences])
    verbs = np.stack([vocabulary.encode(pair) for pair in reference.verbs])
    state = _state_after(model, vocabulary.encode(reference.context))
    scores = [_scores(model, state, tokens[at], verbs[at]) for at in batches(len(tokens))]
    return np.concatenate(scores)[: len(tokens)]


def compare(model: LSTMLanguageModel, vocabulary: Vocabulary, reference: Reference) -> Comparison:
    """Compares a model with the published scores.

    Raises:
        StudyError: as for `verb_scores`.
    """
    scores = verb_scores(model, vocabulary, reference)
    conditions = np.array(reference.conditions)
    right = [s[:, 0] > s[:, 1] for s in (scores, reference.scores)]
    return Comparison(
        float(np.abs(scores - reference.scores).max()),
        {
            str(c): (
                float(right[0][conditions == c].mean()),
                float(right[1][conditions == c].mean()),
            )
            for c in np.unique(conditions)
        },
    )


@nnx.jit
def _state_after(model: LSTMLanguageModel, tokens: jax.Array) -> LSTMState:
    return model.logits(tokens)[1]


@nnx.jit
def _scores(
    model: LSTMLanguageModel, state: LSTMState, tokens: jax.Array, verbs: jax.Array
) -> jax.Array:
    logits = jax.vmap(lambda sentence: model(sentence, state))(tokens)
    return jnp.take_along_axis(jax.nn.log_softmax(logits), verbs, axis=1)


def main(arguments: Sequence[str] | None = None) -> int:
    """Compares a checkpoint.

    Returns:
        0 where all scores agree, 2 where one does not, or 1 after an input that cannot be used.
    """
    parser = argparse.ArgumentParser(
        prog="python -m examples.lstm_agreement.reference",
        description="Compares a model with the published scores of the 650-unit model.",
    )
    parser.add_argument("folder", type=Path, help=f"where {_SCORES} and {_CONTEXT} are")
    parser.add_argument("checkpoint", type=Path, help="the model, from pathflow or from PyTorch")
    parser.add_argument(
        "--vocab", type=Path, help="the words of a model from PyTorch, one per line"
    )
    options = parser.parse_args(arguments)
    try:
        reference = read_reference(options.folder)
        model, vocabulary, _ = open_checkpoint(options.checkpoint, options.vocab)
        found = compare(model, vocabulary, reference)
    except (StudyError, pf.PathflowError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    for condition, (here, published) in found.accuracies.items():
        print(f"{condition}: accuracy {here:.3f}, published {published:.3f}")
    print(f"largest difference of a log-probability: {found.largest:.1e}")
    return 0 if found.largest <= TOLERANCE else 2


if __name__ == "__main__":
    sys.exit(main())
