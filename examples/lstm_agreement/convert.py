"""Converts a model: `python -m examples.lstm_agreement.convert CHECKPOINT VOCAB OUT`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import pathflow as pf
from pathflow.models import convert_torch_lm


def parser() -> argparse.ArgumentParser:
    """The command line."""
    out = argparse.ArgumentParser(
        prog="python -m examples.lstm_agreement.convert",
        description="Writes a word language model of PyTorch in pathflow's own format. Nothing in "
        "the file is run, and PyTorch is not needed.",
    )
    out.add_argument(
        "checkpoint", type=Path, help="the file of PyTorch, a whole model or its state"
    )
    out.add_argument(
        "vocab", type=Path, help="its words, one per line in the order of their numbers"
    )
    out.add_argument("out", type=Path, help="the safetensors file to write")
    out.add_argument(
        "--unknown", default="<unk>", help="the word for every other word (%(default)s)"
    )
    out.add_argument("--end", default="<eos>", help="the word that ends a sentence (%(default)s)")
    return out


def main(arguments: Sequence[str] | None = None) -> int:
    """Converts a model.

    Returns:
        0, or 1 after an input that cannot be used.
    """
    options = parser().parse_args(arguments)
    try:
        model, vocabulary, _ = convert_torch_lm(
            options.checkpoint,
            options.vocab,
            options.out,
            unknown=options.unknown,
            end=options.end,
        )
    except (pf.PathflowError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(
        f"wrote {options.out}: {model.n_layers} x {model.hidden_dim} units, {len(vocabulary)} words"
        f"{', tied' if model.tied else ''}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
