"""Reference models as safetensors files that describe themselves."""

import json
from pathlib import Path
from typing import NamedTuple

from pathflow.models._card import ModelCard, card_of, card_text
from pathflow.models._parameters import abstract, arrays, described, fill
from pathflow.models._reference import (
    AbstractReferenceModel,
    class_name,
    decoded,
    encoded,
    model_class,
)
from pathflow.models._tensor_file import FileFormat, read_tensors, write_tensors
from pathflow.storage import parsed

_FORMAT = FileFormat(
    "pathflow.reference-model",
    "1",
    "is no file of a reference model",
    "load_model reads what save_model wrote",
)


class LoadedModel(NamedTuple):
    """A model with its card."""

    model: AbstractReferenceModel
    card: ModelCard


def save_model(path: Path | str, model: AbstractReferenceModel, card: ModelCard) -> None:
    """Writes a model in one safetensors file, atomically: parameters, class, config and card.

    Arguments:
        path: the file; folders on the way are made.
        model: of a class that `register_model` was called with.
        card: what a reader must know about it.

    Raises:
        CheckpointError: the class is not registered, or config or card hold something that a file
            cannot.

    Example:
        ```python
        model = MLP(4, (8,), 2, rngs=nnx.Rngs(0))
        save_model("model.safetensors", model, ModelCard("Untrained"))
        model, card = load_model("model.safetensors")
        ```
    """
    metadata = {
        **_FORMAT.stamp,
        "class": class_name(model),
        "config": json.dumps(
            {
                name: encoded(value, f"save_model(model=...): its argument {name}")
                for name, value in model.config.items()
            }
        ),
        "card": card_text(card, "save_model(card=...)"),
    }
    write_tensors(Path(path), arrays(model), metadata)


def load_model(path: Path | str) -> LoadedModel:
    """Reads a model that `save_model` wrote.

    The file names the model's class; only classes that are registered are made, and nothing else
    that the file says is run.

    Arguments:
        path: the file.

    Returns:
        The model, its parameters bit for bit as they were, and its card.

    Raises:
        CheckpointError: the file is missing, damaged, of another format or version, names an
            unknown class, or its arrays do not fit the sizes it states.
    """
    path = Path(path)
    tensors, metadata = read_tensors(path)
    _FORMAT.check(path, metadata)
    with described(path, "save_model"):
        cls = model_class(metadata["class"])
        config = {name: decoded(value) for name, value in parsed(metadata["config"]).items()}
        card = card_of(metadata["card"])
        model = abstract(lambda rngs: cls(**config, rngs=rngs), tensors)
    fill(path, model, tensors)
    return LoadedModel(model, card)
