"""What a reader must know about a trained model, beside its parameters."""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from pathflow._errors import CheckpointError
from pathflow.storage import parsed


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
        ValueError: it is no JSON, or a field holds something else.
    """
    card = ModelCard(**parsed(text))
    for field in dataclasses.fields(card):
        kind = str if field.type == "str" or field.type is str else Mapping
        if not isinstance(getattr(card, field.name), kind):
            raise ValueError(f"the card has another {field.name} than {_KINDS[kind]}")
    return card


_KINDS = {str: "a text", Mapping: "a table of names and values"}
