"""How much is measured of a model, and what its tables depend on."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import jax
from flax import nnx

import pathflow as pf
from examples.lstm_agreement.errors import StudyError
from examples.lstm_agreement.family.members import Member
from examples.lstm_agreement.tables.blocks import digest_of
from examples.lstm_agreement.tables.measure import Settings
from pathflow.models import Vocabulary

KEY = "key.json"


@dataclass(frozen=True)
class Amounts:
    """How much is measured.

    Arguments:
        sentences: per condition, where influences are asked for; half of them find a path where
            none is named beforehand, and the other half measure it.
        groups: per task, for accuracies and held gates.
        settings: the quadrature.
        seed: of the sentences.
    """

    sentences: int
    groups: int
    settings: Settings
    seed: int = 0


def measured_so(family: Sequence[Member], amounts: Amounts, folder: Path) -> tuple[Member, ...]:
    """The models that are measured already, all of them with the same amounts.

    Arguments:
        family: those that are asked for.
        amounts: how much was measured.
        folder: holds the tables, a folder for each model.

    Raises:
        StudyError: no model is measured, or one was measured with other amounts.
    """
    found = tuple(m for m in family if (folder / m.name / KEY).exists())
    if not found:
        raise StudyError(
            f"{folder} has the tables of none of the {len(family)} models; measure some first, "
            "without --only-measured."
        )
    for member in found:
        key = _read_key(folder / member.name)
        wanted = _asked(member.language.vocabulary, amounts)
        if other := [f"{n} {key.get(n)!r}" for n, value in wanted.items() if key.get(n) != value]:
            raise StudyError(
                f"{member.name} was measured with {', '.join(other)}, and asked for are "
                f"{', '.join(f'{n} {value!r}' for n, value in wanted.items())}; give the options "
                "that it was measured with, or measure it again without --only-measured."
            )
    return found


def versions_of(folder: Path) -> str:
    """The software that measured a model.

    Arguments:
        folder: of its tables.
    """
    return _read_key(folder)["versions"]


def _read_key(folder: Path) -> dict[str, str]:
    try:
        key = json.loads((folder / KEY).read_text(encoding="utf-8"))
        return {str(name): str(value) for name, value in key.items()} | {
            "versions": key["versions"]
        }
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise StudyError(
            f"{folder / KEY} says not how {folder.name} was measured ({error!r}); remove the "
            "folder, and it is measured again."
        ) from error


def key_of(model: nnx.Module, vocabulary: Vocabulary, amounts: Amounts) -> dict[str, str]:
    """What a model's tables depend on."""
    return {
        "parameters": digest_of(model),
        **_asked(vocabulary, amounts),
        "versions": f"pathflow {pf.__version__}, jax {jax.__version__}",
    }


def _asked(vocabulary: Vocabulary, amounts: Amounts) -> dict[str, str]:
    """How much is measured, and of which words: sentences, groups and seed; points and rule."""
    return {
        "amounts": f"{amounts.sentences} {amounts.groups} {amounts.seed}",
        "points": f"{amounts.settings.n_steps} {amounts.settings.rule!r}",
        "words": vocabulary.sha256,
    }
