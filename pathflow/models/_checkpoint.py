"""Language models as safetensors files that describe themselves.

One file holds the parameters, the sizes of the model, its words, and a model card.
"""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from flax import nnx

from pathflow._errors import CheckpointError, PathflowError
from pathflow.models._lstm import LSTMLanguageModel
from pathflow.models._tensor_file import read_tensors, write_tensors
from pathflow.models._vocabulary import Vocabulary

FORMAT = "pathflow.lstm-language-model"
FORMAT_VERSION = "1"

_SIZES = ("vocab_size", "embed_dim", "hidden_dim", "n_layers", "tied")


@dataclasses.dataclass(frozen=True)
class ModelCard:
    """What a reader must know about a trained model (after Mitchell et al. 2019).

    Arguments:
        title: names the model.
        description: what it was trained for, and on what.
        licence: of the parameters and the words.
        attribution: whose text it was trained on, under which licence.
        training: settings and extent of the training (JSON values).
        evaluation: measured numbers (JSON values).
    """

    title: str
    description: str = ""
    licence: str = ""
    attribution: str = ""
    training: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    evaluation: Mapping[str, Any] = dataclasses.field(default_factory=dict)


class Checkpoint(NamedTuple):
    """A language model with its words and its card."""

    model: LSTMLanguageModel
    vocabulary: Vocabulary
    card: ModelCard


def save_checkpoint(
    path: Path | str, model: LSTMLanguageModel, vocabulary: Vocabulary, card: ModelCard
) -> None:
    """Writes a model with its words and card, atomically.

    Raises:
        CheckpointError: the vocabulary has another size than the model, or the card holds
            something that JSON cannot say.
    """
    if len(vocabulary) != model.vocab_size:
        raise CheckpointError(
            f"save_checkpoint(vocabulary=...) has {len(vocabulary)} words and the model "
            f"{model.vocab_size}; pass the vocabulary that the model was trained with."
        )
    try:
        metadata = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "config": json.dumps(
                {name: getattr(model, name) for name in _SIZES}
                | {"dtype": model.output_bias[...].dtype.name}
            ),
            "vocabulary": json.dumps(dataclasses.asdict(vocabulary), ensure_ascii=False),
            "vocabulary_sha256": vocabulary.sha256,
            "card": json.dumps(dataclasses.asdict(card), ensure_ascii=False),
        }
    except TypeError as error:
        raise CheckpointError(
            f"save_checkpoint(card=...) holds a value that is no JSON: {error}."
        ) from error
    tensors = {name: np.asarray(value[...]) for name, value in _parameters(model).items()}
    write_tensors(Path(path), tensors, metadata)


def load_checkpoint(path: Path | str) -> Checkpoint:
    """Reads a model that `save_checkpoint` wrote.

    Raises:
        CheckpointError: the file is missing, damaged, of another format or version, or its arrays
            do not fit the sizes it states.
    """
    path = Path(path)
    tensors, metadata = read_tensors(path)
    _check_format(path, metadata)
    try:
        config = json.loads(metadata["config"])
        words = json.loads(metadata["vocabulary"])
        vocabulary = Vocabulary(tuple(words["words"]), words["unknown"], words["end"])
        card = ModelCard(**json.loads(metadata["card"]))
        # Abstract: no parameter is drawn only to be overwritten.
        model = nnx.eval_shape(lambda: LSTMLanguageModel(**config, rngs=nnx.Rngs(0)))
    except (KeyError, TypeError, ValueError, PathflowError) as error:
        raise CheckpointError(
            f"{path}: the description of the model cannot be read ({type(error).__name__}: "
            f"{error}); the file is damaged or was not written by save_checkpoint."
        ) from error
    if vocabulary.sha256 != metadata.get("vocabulary_sha256"):
        raise CheckpointError(
            f"{path}: the word list is not the one that was written; the file is damaged."
        )
    if len(vocabulary) != model.vocab_size:
        raise CheckpointError(
            f"{path}: {len(vocabulary)} words for a model of {model.vocab_size}; the file is "
            "damaged."
        )
    _fill(path, model, tensors)
    return Checkpoint(model, vocabulary, card)


def _check_format(path: Path, metadata: Mapping[str, str]) -> None:
    if metadata.get("format") != FORMAT:
        raise CheckpointError(
            f"{path} is no pathflow language model (format {metadata.get('format')!r}); "
            "load_checkpoint reads what save_checkpoint wrote."
        )
    version = metadata.get("format_version")
    if version != FORMAT_VERSION:
        raise CheckpointError(
            f"{path} has format version {version!r}, this pathflow reads {FORMAT_VERSION!r}; "
            "install the version of pathflow that wrote it."
        )


def _parameters(model: LSTMLanguageModel) -> dict[str, nnx.Variable]:
    flat = nnx.to_flat_state(nnx.state(model, nnx.Param))
    return {".".join(map(str, path)): variable for path, variable in flat}


def _fill(path: Path, model: LSTMLanguageModel, tensors: Mapping[str, np.ndarray]) -> None:
    expected = _parameters(model)
    if expected.keys() != tensors.keys():
        missing = sorted(expected.keys() - tensors.keys())
        extra = sorted(tensors.keys() - expected.keys())
        raise CheckpointError(
            f"{path} does not hold the arrays of the model it describes: missing {missing}, "
            f"unexpected {extra}."
        )
    for name, variable in expected.items():
        found, slot = tensors[name], variable.get_value()
        if found.shape != slot.shape or found.dtype != slot.dtype:
            raise CheckpointError(
                f"{path}: {name} is {found.dtype}{list(found.shape)}, the model needs "
                f"{slot.dtype}{list(slot.shape)}; the file is damaged, or holds float64 arrays "
                "while JAX runs without jax_enable_x64."
            )
        if not np.all(np.isfinite(found)):
            raise CheckpointError(f"{path}: {name} holds values that are not finite.")
        variable.set_value(jnp.asarray(found))
