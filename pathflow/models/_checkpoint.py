"""Language models as safetensors files that describe themselves.

One file holds the parameters, the sizes of the model, its words, and a model card.
"""

import json
from pathlib import Path
from typing import NamedTuple

from pathflow._errors import CheckpointError
from pathflow.models._card import ModelCard, card_of, card_text
from pathflow.models._lstm import LSTMLanguageModel
from pathflow.models._parameters import abstract, arrays, described, fill
from pathflow.models._tensor_file import FileFormat, read_tensors, write_tensors
from pathflow.models._vocabulary import Vocabulary, vocabulary_of, vocabulary_text
from pathflow.storage import parsed

_FORMAT = FileFormat(
    "pathflow.lstm-language-model",
    "1",
    "is no pathflow language model",
    "load_checkpoint reads what save_checkpoint wrote",
)


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
    metadata = {
        **_FORMAT.stamp,
        "config": json.dumps(model.config),
        "vocabulary": vocabulary_text(vocabulary),
        "vocabulary_sha256": vocabulary.sha256,
        "card": card_text(card, "save_checkpoint(card=...)"),
    }
    write_tensors(Path(path), arrays(model), metadata)


def load_checkpoint(path: Path | str) -> Checkpoint:
    """Reads a model that `save_checkpoint` wrote.

    Raises:
        CheckpointError: the file is missing, damaged, of another format or version, or its arrays
            do not fit the sizes it states.
    """
    path = Path(path)
    tensors, metadata = read_tensors(path)
    _FORMAT.check(path, metadata)
    with described(path, "save_checkpoint"):
        config = parsed(metadata["config"])
        vocabulary = vocabulary_of(metadata["vocabulary"])
        card = card_of(metadata["card"])
        model = abstract(lambda rngs: LSTMLanguageModel(**config, rngs=rngs), tensors)
    if vocabulary.sha256 != metadata.get("vocabulary_sha256"):
        raise CheckpointError(
            f"{path}: the word list is not the one that was written; the file is damaged."
        )
    if len(vocabulary) != model.vocab_size:
        raise CheckpointError(
            f"{path}: {len(vocabulary)} words for a model of {model.vocab_size}; the file is "
            "damaged."
        )
    fill(path, model, tensors)
    return Checkpoint(model, vocabulary, card)
