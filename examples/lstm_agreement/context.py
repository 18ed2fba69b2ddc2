"""How far a subject's number is carried, and by which paths: `python -m
examples.lstm_agreement.context`.

The paper's authors speculate that the primary path counts for less the longer the context is, and
leave it open, because the number of paths grows exponentially (section 5). Here prepositional
phrases are put between subject and verb, up to 48 words. The influences of classes of paths are
exact at every length; statistics over all paths are estimates with intervals.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

import jax
import numpy as np

import pathflow as pf
from examples.lstm_agreement import context_figure
from examples.lstm_agreement.checkpoint import open_checkpoint
from examples.lstm_agreement.command import carried_out, remove_outputs
from examples.lstm_agreement.errors import StudyError
from examples.lstm_agreement.evaluation import verb_margins
from examples.lstm_agreement.lexicon import ENGLISH, Forms, Lexicon
from examples.lstm_agreement.measure import Role, Settings, noun_influences, primary_path
from examples.lstm_agreement.options import (
    add_model,
    add_out,
    folder,
    model_path,
    not_negative,
    positive,
)
from examples.lstm_agreement.tasks import Noun, Number, Sentence, by_condition
from examples.lstm_agreement.text import Table, as_markdown, show, write_csv, write_text
from pathflow import metrics
from pathflow.models import LSTMLanguageModel, Vocabulary

_SUBJECT = 1
_SETTINGS = Settings(12, pf.GaussLegendre())
_OUTPUTS = ("context.csv", "context.md", "context.png")
_LEGEND = """\
C: number of the subject and of all other nouns. |P|: number of paths. Total, and the exact sums of
classes of paths, in logits: the primary path; the other paths that wait in the second layer's cell
from the subject on; those that wait in the first layer's cell until the last word. Sum of |.|: over
all paths, estimated. Share of primary: of all positive influence, estimated, with the 95% interval
of the draws. t: probability that the primary path exceeds another, drawn uniformly, estimated."""
# How many phrases of three words: up to 48 words between subject and verb.
_PHRASES = (0, 1, 2, 4, 8, 16)


@dataclass(frozen=True)
class Length:
    """What is found at one length.

    Arguments:
        n_words: how many words stand between subject and verb.
        condition: the numbers of the subject and of all other nouns.
        n_sentences: how many sentences.
        accuracy: fraction of sentences in which the agreeing verb has the higher score.
        n_paths: how many paths lead from the subject to the score.
        total: mean influence of all of them, in logits.
        primary: mean influence of the primary path.
        classes: mean influence of exact classes of paths, by name; they and the rest add up to the
            total.
        absolute: the sum of absolute influences, mean over sentences, estimated.
        share: fraction of the positive influence that the primary path has, estimated.
        t: probability that the primary path exceeds another one, drawn uniformly, estimated.
        structural: worst structural residual of the exact sums.
    """

    n_words: int
    condition: str
    n_sentences: int
    accuracy: metrics.Interval
    n_paths: int
    total: metrics.Interval
    primary: metrics.Interval
    classes: dict[str, metrics.Interval]
    absolute: metrics.Interval
    share: metrics.Interval
    t: metrics.Interval
    structural: float


def long_sentences(
    n_phrases: int,
    n_groups: int,
    *,
    seed: int = 0,
    lexicon: Lexicon = ENGLISH,
) -> tuple[Sentence, ...]:
    """Sentences with prepositional phrases between subject and verb, in matched groups.

    Arguments:
        n_phrases: how many phrases of three words, as in "near the houses".
        n_groups: how many groups of the conditions SS, SP, PS, PP (the subject's number and that of
            all other nouns), or S and P where there is no phrase.
        seed: draws words; a group has other words in every phrase as long as there are any.
        lexicon: the words.

    Raises:
        StudyError: a number is negative, or there is no group.
    """
    if n_phrases < 0 or n_groups < 1:
        raise StudyError(
            f"n_phrases and n_groups must be at least 0 and 1, got {n_phrases} and {n_groups}."
        )
    rng = np.random.default_rng([seed, n_phrases])
    sentences = []
    for group in range(n_groups):
        subject, verb = (rng.choice(len(x)) for x in (lexicon.subjects, lexicon.verbs))
        phrases = [
            (
                lexicon.prepositions[rng.choice(len(lexicon.prepositions))],
                lexicon.places[place],
            )
            for place in _different(rng, len(lexicon.places), n_phrases)
        ]
        forms = lexicon.subjects[subject], lexicon.verbs[verb]
        sentences += [
            _sentence(condition, group, *forms, phrases, lexicon)
            for condition in (("SS", "SP", "PS", "PP") if phrases else ("S", "P"))
        ]
    return tuple(sentences)


def _different(rng: np.random.Generator, n: int, size: int) -> np.ndarray:
    rounds = [rng.permutation(n) for _ in range(-(-size // n))]
    return np.concatenate([np.zeros(0, int), *rounds])[:size]


def _sentence(
    condition: str,
    group: int,
    subject: Forms,
    verb: Forms,
    phrases: Sequence[tuple[str, Forms]],
    lexicon: Lexicon,
) -> Sentence:
    number, others = Number(condition[0]), Number(condition[-1])
    tokens = [lexicon.determiner, number.form_of(subject)]
    for preposition, place in phrases:
        tokens += [preposition, lexicon.article, others.form_of(place)]
    wrong = Number.PLURAL if number is Number.SINGULAR else Number.SINGULAR
    last = Noun(len(tokens) - 1, phrases[-1][1], others) if phrases else None
    return Sentence(
        task=f"{len(phrases)} phrases",
        condition=condition,
        group=group,
        tokens=tuple(tokens),
        subject=Noun(_SUBJECT, subject, number),
        intervening=last,
        correct=number.form_of(verb),
        wrong=wrong.form_of(verb),
    )


def path_classes(n_words: int) -> dict[str, str]:
    """Patterns of classes of paths that have nothing in common: where the number waits.

    Arguments:
        n_words: how many words stand between subject and verb.

    Returns:
        The primary path; the other paths that leave the first layer at the subject and wait in the
        cell of the second; and, where there are words between, those that wait in the cell of the
        first layer until the last word.
    """
    last = _SUBJECT + n_words
    primary = primary_path(_SUBJECT, last)
    second = f"x ?0@{_SUBJECT} c0@{_SUBJECT}? h0@{_SUBJECT} ?1@{_SUBJECT} c1+ h1 qoi"
    first = f"x ?0@{_SUBJECT} c0+ h0@{last} ?1@{last} c1@{last}? h1 qoi"
    classes = {"primary": primary, "second cell": f"({second}) & ~({primary})"}
    return classes | ({"first cell": first} if n_words else {})


def measure(
    model: LSTMLanguageModel,
    vocabulary: Vocabulary,
    sentences: Sequence[Sentence],
    settings: Settings,
    *,
    draws: int = 1000,
    seed: int = 0,
) -> Iterator[Length]:
    """Measures the subject's paths, condition by condition.

    Arguments:
        model: the language model.
        vocabulary: its words.
        sentences: of one length.
        settings: the quadrature.
        draws: paths that are drawn for each of the two estimates.
        seed: of the draws.

    Yields:
        What is found, one condition after the other.
    """
    n_words = len(sentences[0].tokens) - 1 - _SUBJECT
    primary = primary_path(_SUBJECT, _SUBJECT + n_words)
    margins = verb_margins(model, vocabulary, sentences)
    searches = (
        pf.Aggregate(path_classes(n_words)),
        pf.Sample(draws, jax.random.key(seed), pf.Importance(), of=(primary,)),
        pf.Sample(draws, jax.random.key(seed), of=(primary,)),
    )
    for condition, of_condition in by_condition(sentences):
        asked = [s for s in sentences if s.condition == condition]
        # A sample speaks of the sentences that it was drawn for, so that they go in together.
        together = replace(settings, chunk=len(asked))
        sums, large, uniform = (
            noun_influences(model, vocabulary, asked, Role.SUBJECT, together, search=search)
            for search in searches
        )
        yield Length(
            n_words,
            condition,
            len(asked),
            metrics.bootstrap_interval((margins[of_condition] > 0).astype(np.float64)),
            sums.count,
            metrics.bootstrap_interval(sums.total),
            metrics.bootstrap_interval(sums["primary"]),
            {
                name: metrics.bootstrap_interval(sums[name])
                for name in [*path_classes(n_words), "rest"]
            },
            large.absolute_sum(),
            large.positive_share(primary),
            uniform.t_value(primary),
            float(np.max(sums.audit.structural)),
        )


def table(lengths: Sequence[Length]) -> Table:
    """What was found, a line per length and condition."""
    header = (
        "words",
        "C",
        "accuracy",
        "|P|",
        "total",
        "primary",
        "2nd cell",
        "1st cell",
        "sum of |.|",
    )
    lines = []
    for found in lengths:
        first = found.classes.get("first cell")
        numbers = [f"{found.accuracy.mean:.2f}", _number(found.n_paths), f"{found.total.mean:+.3f}"]
        numbers += [f"{found.primary.mean:+.2g}", f"{found.classes['second cell'].mean:+.2g}"]
        numbers += ["-" if first is None else f"{first.mean:+.2g}", f"{found.absolute.mean:.1f}"]
        share = "{:.2g} [{:.2g}, {:.2g}]".format(*found.share)
        lines.append((str(found.n_words), found.condition, *numbers, share, f"{found.t.mean:.2f}"))
    return (*header, "share of primary", "t"), lines


def _number(count: int) -> str:
    return str(count) if count < 1_000_000 else f"{Decimal(count):.0e}"


def csv_rows(lengths: Sequence[Length]) -> tuple[list[str], list[list[object]]]:
    """Every number, an interval in three columns."""
    names: list[str] = []
    lines: list[list[object]] = []
    for found in lengths:
        intervals = {
            name: getattr(found, name)
            for name in ("accuracy", "total", "primary", "absolute", "share", "t")
        }
        # Where no word stands between, the first layer's cell is no class of its own.
        for name in ("second cell", "first cell", "rest"):
            none = metrics.Interval(*[float("nan")] * 3)
            intervals[name.replace(" ", "_")] = found.classes.get(name, none)
        names = ["n_words", "condition", "n_sentences", "n_paths", "structural"]
        line: list[object] = [found.n_words, found.condition, found.n_sentences, found.n_paths]
        line.append(f"{found.structural:.2g}")
        for name, interval in intervals.items():
            names += [name, f"{name}_low", f"{name}_high"]
            line += [f"{v:.6g}" for v in interval]
        lines.append(line)
    return names, lines


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
    return carried_out(lambda: _run(options), f"; what is done is in {options.out / 'context.csv'}")


def _run(options: argparse.Namespace) -> None:
    path = model_path(options)
    checkpoint = open_checkpoint(path, options.vocab)
    options.out.mkdir(parents=True, exist_ok=True)
    remove_outputs(options.out, _OUTPUTS)
    lexicon = ENGLISH.within(checkpoint.vocabulary)
    found: list[Length] = []
    for n_phrases in options.phrases:
        sentences = long_sentences(n_phrases, options.sentences, seed=options.seed, lexicon=lexicon)
        for length in measure(
            checkpoint.model,
            checkpoint.vocabulary,
            sentences,
            _SETTINGS,
            draws=options.draws,
            seed=options.seed,
        ):
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
    context_figure.draw(
        [(f.condition, f.n_words, f.share, f.total.mean, f.absolute.mean) for f in found],
        options.out / "context.png",
    )
    print(f"wrote {', '.join(_OUTPUTS)} to {options.out}")


if __name__ == "__main__":
    sys.exit(main())
