"""The options of the study's command."""

import argparse
import hashlib
from pathlib import Path

import pathflow as pf
from examples.lstm_agreement.tables.table1 import QUESTIONS

_CHECKPOINTS = Path(__file__).parents[1] / "checkpoints"
ENGLISH = _CHECKPOINTS / "english.safetensors"
DECAYED = _CHECKPOINTS / "decayed.safetensors"
TINY = _CHECKPOINTS / "tiny.safetensors"
RULES = {
    "right-riemann": pf.RightRiemann(),
    "midpoint": pf.Midpoint(),
    "trapezoid": pf.Trapezoid(),
    "gauss-legendre": pf.GaussLegendre(),
}
TABLE_TASKS = tuple(dict.fromkeys(task for task, _ in QUESTIONS))


def add_model(out: argparse.ArgumentParser) -> None:
    """Adds the options that choose a model; `model_path` reads them."""
    model = out.add_mutually_exclusive_group()
    model.add_argument(
        "--checkpoint",
        type=Path,
        help="another language model than the shipped one, from pathflow or from PyTorch",
    )
    model.add_argument(
        "--decayed",
        action="store_true",
        help="the English model that was trained slower and with decaying weights",
    )
    model.add_argument(
        "--tiny", action="store_true", help="the small model of the template grammar"
    )
    out.add_argument("--vocab", type=Path, help="the words of a model from PyTorch, one per line")


def add_seed(out: argparse.ArgumentParser, what: str = "of everything drawn") -> None:
    """Adds the option of the seed."""
    out.add_argument("--seed", type=int, default=0, help=f"{what} (%(default)s)")


def add_controls(out: argparse.ArgumentParser, default: int) -> None:
    """Adds the option of how many untrained models stand beside the trained one."""
    out.add_argument(
        "--controls",
        type=not_negative,
        default=default,
        help="untrained models of the same sizes to compare with (%(default)s)",
    )


def add_quadrature(out: argparse.ArgumentParser) -> None:
    """Adds the options of the points on the line of interest."""
    out.add_argument(
        "--steps", type=positive, default=50, help="points on the line of interest (%(default)s)"
    )
    out.add_argument(
        "--rule",
        choices=RULES,
        default="right-riemann",
        help="quadrature rule (%(default)s, the paper's)",
    )


def add_sentences(out: argparse.ArgumentParser) -> None:
    """Adds the options of which sentences the paper's tables are asked about."""
    out.add_argument(
        "--tasks-dir", type=Path, help="folder of the published task files, to use their sentences"
    )
    out.add_argument(
        "--sentences",
        type=positive,
        default=32,
        help="sentences per condition in Table 1, or all that there are (%(default)s)",
    )
    out.add_argument(
        "--accuracy-sentences",
        type=positive,
        default=200,
        help="groups per task for the accuracy and Table 2, or all that the generator has "
        "(%(default)s)",
    )
    out.add_argument(
        "--tasks",
        nargs="+",
        choices=[t.name for t in TABLE_TASKS],
        default=[t.name for t in TABLE_TASKS],
        help="tasks of Tables 1 and 2 (all)",
    )


def add_tables(out: argparse.ArgumentParser) -> None:
    """Adds the options of the paper's tables."""
    add_sentences(out)
    add_quadrature(out)
    add_controls(out, 3)
    out.add_argument(
        "--control-sentences",
        type=positive,
        default=32,
        help="sentences per condition that untrained models get, of those of Table 1 "
        "(%(default)s); what they differ in is the parameters, more than the sentence",
    )
    add_seed(out, "of the sentences and of the untrained models")


def add_out(out: argparse.ArgumentParser) -> None:
    """Adds the option of the folder; `folder` reads it."""
    out.add_argument("--out", type=Path, help="output folder (out/lstm_agreement/MODEL)")


def folder(options: argparse.Namespace) -> Path:
    """Where to write: every model has a folder of its own.

    Files of one name may lie in many places: beside the name of one that is not shipped stands a
    part of the digest of its path.
    """
    path = model_path(options)
    name = path.stem
    if path.resolve() not in {p.resolve() for p in (ENGLISH, DECAYED, TINY)}:
        name += "-" + hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:8]
    return options.out or Path("out/lstm_agreement") / name


def model_path(options: argparse.Namespace) -> Path:
    """The file of the model that the options ask for."""
    if options.checkpoint is not None:
        return options.checkpoint
    return TINY if options.tiny else DECAYED if options.decayed else ENGLISH


def positive(text: str) -> int:
    """A number of at least 1."""
    return _at_least(1, text)


def not_negative(text: str) -> int:
    """A number of at least 0."""
    return _at_least(0, text)


def _at_least(least: int, text: str) -> int:
    if (number := int(text)) < least:
        raise argparse.ArgumentTypeError(f"must be at least {least}, got {number}")
    return number
