"""Trains the models of the study: `python -m examples.lstm_agreement.train`.

    --tiny                    the small model of the template grammar: a few minutes on one core
    --data FOLDER             the model of English text, from the data that `corpus` describes
    --data FOLDER --decayed   the same with decaying weights

A training that was stopped goes on where it was when the same command is given again.
"""

import argparse
import logging
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from examples.lstm_agreement.console.command import carried_out
from examples.lstm_agreement.train.card import markdown, write_accuracies, write_log
from examples.lstm_agreement.train.evaluation import FileAccuracy, file_accuracies
from examples.lstm_agreement.train.recipes import Recipe, decayed, english, tiny
from pathflow.models import LSTMLanguageModel, ModelCard, save_checkpoint, train

# The entries of a record that say how the training went, not what the model can do.
_OF_TRAINING = ("step", "words", "seconds", "loss", "learning_rate")
TEXT_LICENCE = "CC BY-SA 3.0 (https://creativecommons.org/licenses/by-sa/3.0/)"
TEXT_ATTRIBUTION = (
    "Trained on text of English Wikipedia, (c) Wikipedia contributors, CC BY-SA 3.0 "
    "(https://creativecommons.org/licenses/by-sa/3.0/). Changes: split into sentences, tokenised, "
    "rare words replaced by <unk>. The words of the model are the most frequent ones of that text "
    "and those of the agreement tasks of Lakretz et al. 2019 (NAACL)."
)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    out = argparse.ArgumentParser(
        prog="python -m examples.lstm_agreement.train",
        description="Trains the language models of the agreement study.",
    )
    which = out.add_mutually_exclusive_group(required=True)
    which.add_argument("--tiny", action="store_true", help="the model of the template grammar")
    which.add_argument("--data", type=Path, help="data folder: the model of English text")
    out.add_argument(
        "--decayed", action="store_true", help="with --data: the model with decaying weights"
    )
    out.add_argument("--out", type=Path, help="output folder (out/train_NAME)")
    out.add_argument("--steps", type=int, help="updates (those of the shipped model)")
    out.add_argument("--seed", type=int, default=0, help="of everything drawn (%(default)s)")
    return out


def main(arguments: Sequence[str] | None = None) -> int:
    """Trains a model.

    Returns:
        0, or 1 after an input that cannot be used, or 130 after an interruption; the same command
        goes on from there.
    """
    command = parser()
    options = command.parse_args(arguments)
    if options.tiny and options.decayed:
        command.error("argument --decayed: not allowed with argument --tiny")
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    message = " and saved; the same command goes on from here"
    return carried_out(lambda: _run(options), message)


def _run(options: argparse.Namespace) -> None:
    if options.tiny:
        recipe = tiny(options.steps, options.seed)
    else:
        of_text = decayed if options.decayed else english
        recipe = of_text(options.data, options.steps, options.seed)
    run(recipe, options.out or Path("out") / f"train_{recipe.name}", options.data)


def run(recipe: Recipe[LSTMLanguageModel], out: Path, data: Path | None) -> None:
    """Trains a recipe's model and writes checkpoint, card, log and accuracies to a folder."""
    records = train(
        recipe.model, recipe.corpus, recipe.config, folder=out, evaluate=recipe.evaluate
    )
    accuracies = file_accuracies(recipe.model, recipe.vocabulary, data) if data is not None else ()
    card = describe(recipe, records[-1], accuracies)
    save_checkpoint(out / f"{recipe.name}.safetensors", recipe.model, recipe.vocabulary, card)
    (out / f"{recipe.name}.md").write_text(markdown(card, accuracies), encoding="utf-8")
    write_log(out / f"{recipe.name}.log.csv", records)
    if accuracies:
        write_accuracies(out / f"{recipe.name}.accuracy.csv", accuracies)
    print(f"wrote {recipe.name}.safetensors and what belongs to it to {out}")


def describe(
    recipe: Recipe[LSTMLanguageModel], last: Mapping[str, float], accuracies: Sequence[FileAccuracy]
) -> ModelCard:
    """The card of a trained model."""
    config, model = recipe.config, recipe.model
    from_text = bool(accuracies)
    return ModelCard(
        title=f"LSTM language model '{recipe.name}', {model.n_layers} x {model.hidden_dim} units",
        description=(
            "Predicts the next word of English text; made for the study of number agreement."
            if from_text
            else "Predicts the next word of sentences drawn from the template grammar; made for "
            "tests and tutorials."
        ),
        licence=TEXT_LICENCE if from_text else "Apache-2.0",
        attribution=TEXT_ATTRIBUTION if from_text else "No text but that of the grammar was used.",
        training={
            "updates": config.total_steps,
            "words_seen": last["words"],
            "seconds": last["seconds"],
            "final_loss": last["loss"],
            "batch": f"{config.batch_size} rows x {config.n_steps} words",
            "optimizer": f"AdamW, {config.learning_rate:g} after {config.warmup_steps} updates, "
            f"cosine decay to 0, norm clipped at {config.clip_norm:g}, "
            f"weight decay {config.weight_decay:g}",
            "objective": type(config.objective).__name__,
            "final_updates_with_full_softmax": config.final_full_steps,
            "seed": config.seed,
            "date": time.strftime("%Y-%m-%d", time.gmtime()),
        },
        evaluation={k: v for k, v in last.items() if k not in _OF_TRAINING},
    )


if __name__ == "__main__":
    sys.exit(main())
