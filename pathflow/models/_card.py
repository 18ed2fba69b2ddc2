"""What a reader must know about a trained model, beside its parameters."""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from pathflow._errors import CheckpointError


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


def card_text(card: ModelCard, argument: str) -> str:
    """The card as JSON.

    Raises:
        CheckpointError: it holds something that JSON cannot say; `argument` names it.
    """
    try:
        return json.dumps(dataclasses.asdict(card), ensure_ascii=False)
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"{argument} holds a value that is no JSON: {error}.") from error


def card_of(text: str) -> ModelCard:
    """The card that `card_text` wrote.

    Raises:
        TypeError: the text has other fields.
        ValueError: it is no JSON.
    """
    return ModelCard(**json.loads(text))
