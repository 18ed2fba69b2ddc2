"""How far a subject's number is carried, and by which paths: `python -m
examples.lstm_agreement.context`.

The paper's authors speculate that the primary path counts for less the longer the context is, and
leave it open, because the number of paths grows exponentially (section 5). Here prepositional
phrases are put between subject and verb, up to 48 words. The influences of classes of paths are
exact at every length; statistics over all paths are estimates with intervals.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from examples.lstm_agreement.console.command import carried_out, remove_outputs, stamp
from examples.lstm_agreement.console.lock import only_run
from examples.lstm_agreement.console.options import (
    add_model,
    add_out,
    folder,
    model_path,
    not_negative,
    positive,
)
from examples.lstm_agreement.console.text import as_markdown, show, write_csv, write_text
from examples.lstm_agreement.context import figure
from examples.lstm_agreement.context.finished import FinishedLengths
from examples.lstm_agreement.context.lengths import Length, measure
from examples.lstm_agreement.context.report import csv_rows, table
from examples.lstm_agreement.context.sentences import long_sentences
from examples.lstm_agreement.language_models.checkpoint import open_checkpoint
from examples.lstm_agreement.sentences.lexicon import ENGLISH
from examples.lstm_agreement.tables.blocks import Keys
from examples.lstm_agreement.tables.measure import EXACT
from pathflow.models import Checkpoint

STEP = "context"
OUTPUTS = ("context.csv", "context.md", "context.png")
_LEGEND = """\
C: number of the subject and of all other nouns. |P|: number of paths. Total, and the exact sums of
classes of paths, in logits: the primary path; the other paths that wait in the second layer's cell
from the subject on; those that wait in the first layer's cell until the last word. Sum of |.|: over
all paths, estimated. Share of primary: of all positive influence, estimated, with the 95% interval
of the draws. t: probability that the primary path exceeds another, drawn uniformly, estimated."""
# How many phrases of three words: up to 48 words between subject and verb.
_PHRASES = (0, 1, 2, 4, 8, 16)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    out = argparse.ArgumentParser(
        prog="python -m examples.lstm_agreement.context",
        description="Influence of a subject's number at up to 48 words between it and the verb.",
    )
    add_model(out)
    out.add_argument("--sentences", type=positive, default=8, help="per condition (%(default)s)")
    out.add_argument(
        "--phrases",
        type=not_negative,
        nargs="+",
        default=_PHRASES,
        help="how many phrases of three words (%(default)s)",
    )
    out.add_argument("--draws", type=positive, default=1000, help="paths drawn (%(default)s)")
    out.add_argument("--seed", type=int, default=0, help="of everything drawn (%(default)s)")
    add_out(out)
    return out


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures every length and writes `context.md`, `context.csv` and `context.png`.

    Returns:
        0, or 1 after an input that cannot be used, or 130 after an interruption.
    """
    options = parser().parse_args(arguments)
    options.out = folder(options)
    return carried_out(
        lambda: _run(options), f"; the same command goes on from what is kept in {options.out}"
    )


def _run(options: argparse.Namespace) -> None:
    path = model_path(options)
    checkpoint = open_checkpoint(path, options.vocab)
    options.out.mkdir(parents=True, exist_ok=True)
    with only_run(options.out, "python -m examples.lstm_agreement.context"):
        _measure(options, path, checkpoint)


def _measure(options: argparse.Namespace, path: Path, checkpoint: Checkpoint) -> None:
    start = time.monotonic()
    remove_outputs(options.out, OUTPUTS)
    lexicon = ENGLISH.within(checkpoint.vocabulary)
    found: list[Length] = []
    finished = FinishedLengths(
        options.out / "context.jsonl",
        Keys(checkpoint.vocabulary, EXACT),
        checkpoint.model,
        options.draws,
        options.seed,
    )
    for n_phrases in options.phrases:
        sentences = long_sentences(n_phrases, options.sentences, seed=options.seed, lexicon=lexicon)
        for length in measure(
            checkpoint.model,
            checkpoint.vocabulary,
            sentences,
            EXACT,
            draws=options.draws,
            seed=options.seed,
            known=finished.find,
        ):
            finished.add([s for s in sentences if s.condition == length.condition], length)
            found.append(length)
            print(f"{length.n_words} words, {length.condition}", file=sys.stderr, flush=True)
            write_csv(options.out / "context.csv", *csv_rows(found))
    show("Context between subject and verb", table(found))
    worst = max(length.structural for length in found)
    text = [
        f"# {checkpoint.card.title} ({path.name})",
        as_markdown(table(found)),
        _LEGEND,
        f"{options.sentences} sentences per condition, {options.draws} draws, seed {options.seed}.",
        f"Structural residual of the exact sums: {worst:.1e} at worst.",
    ]
    write_text(options.out / "context.md", "\n\n".join(text) + "\n")
    figure.draw(
        [(f.condition, f.n_words, f.share, f.total.mean, f.absolute.mean) for f in found],
        options.out / "context.png",
    )
    stamp(options.out, STEP, options, path, OUTPUTS, time.monotonic() - start)
    print(f"wrote {', '.join(OUTPUTS)} to {options.out}")


if __name__ == "__main__":
    sys.exit(main())
