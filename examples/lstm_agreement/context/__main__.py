"""How far a subject's number is carried, and by which paths: `python -m
examples.lstm_agreement.context`.

The paper's authors speculate that the primary path counts for less the longer the context is, and
leave it open, because the number of paths grows exponentially (section 5). Here prepositional
phrases are put between subject and verb, up to 48 words. The influences of classes of paths are
exact at every length; statistics over all paths are estimates with intervals.
"""

import argparse
import sys

from examples.lstm_agreement.console.options import add_seed, not_negative, positive
from examples.lstm_agreement.console.progress import tell
from examples.lstm_agreement.console.run import Command, Run
from examples.lstm_agreement.console.text import as_markdown, show, write_csv, write_text
from examples.lstm_agreement.context import figure
from examples.lstm_agreement.context.finished import FinishedLengths
from examples.lstm_agreement.context.lengths import Length, measure
from examples.lstm_agreement.context.report import csv_rows, table
from examples.lstm_agreement.context.sentences import long_sentences
from examples.lstm_agreement.sentences.lexicon import ENGLISH, Lexicon
from examples.lstm_agreement.tables.blocks import Keys
from examples.lstm_agreement.tables.measure import EXACT

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


def _add_options(out: argparse.ArgumentParser) -> None:
    out.add_argument("--sentences", type=positive, default=8, help="per condition (%(default)s)")
    out.add_argument(
        "--phrases",
        type=not_negative,
        nargs="+",
        default=_PHRASES,
        help="how many phrases of three words (%(default)s)",
    )
    out.add_argument("--draws", type=positive, default=1000, help="paths drawn (%(default)s)")
    add_seed(out)


def _lexicon(run: Run) -> Lexicon:
    return ENGLISH.within(run.checkpoint.vocabulary)


def _measure(run: Run, lexicon: Lexicon) -> None:
    options, checkpoint = run.options, run.checkpoint
    run.clear()
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
            tell(f"{length.n_words} words, {length.condition}")
            write_csv(options.out / "context.csv", *csv_rows(found))
    show("Context between subject and verb", table(found))
    worst = max(length.structural for length in found)
    text = [
        f"# {run.heading}",
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
    run.finish()


COMMAND = Command(
    STEP,
    "examples.lstm_agreement.context",
    "Influence of a subject's number at up to 48 words between it and the verb.",
    _add_options,
    OUTPUTS,
    _lexicon,
    _measure,
)
parser, main = COMMAND.parser, COMMAND.main

if __name__ == "__main__":
    sys.exit(main())
