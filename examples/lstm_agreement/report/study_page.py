"""The page of the documentation about what the study found."""

from collections.abc import Mapping

from examples.lstm_agreement.report import shipped
from examples.lstm_agreement.tables.measure import Role


def study_page(models: Mapping[str, shipped.Results]) -> str:
    """The whole page, every number of it from the shipped tables.

    Arguments:
        models: results by the models' names.
    """
    counts = "\n".join(
        f"| `{name}` | {_MODELS[name]} | {shipped.n_sentences(m)} |" for name, m in models.items()
    )
    worst = max(r["structural"] for m in models.values() for r in m.tables["table1"])
    gap = max(r["quadrature"] for m in models.values() for r in m.rows(Role.SUBJECT))
    return _PAGE.format(
        counts=counts,
        accuracy=shipped.accuracy_table(models),
        subject=shipped.path_table(models, Role.SUBJECT),
        noun=shipped.path_table(models, Role.INTERVENING),
        control=shipped.control_table(models),
        held=shipped.held_table(models, "nounPP"),
        held_adverb=shipped.held_table(models, "nounPPAdv"),
        neurons=shipped.neuron_table(models),
        hypotheses=shipped.hypothesis_table(models),
        structural=f"{worst:.1e}",
        quadrature=f"{gap:.1%}",
    )


_MODELS = {
    "tiny": "2 x 64 units, 286 words, a template grammar",
    "decayed": "2 x 200 units, 10,000 words, English Wikipedia, decaying weights",
    "english": "2 x 200 units, 10,000 words, English Wikipedia",
}

_PAGE = """\
# The agreement study

What [the study](../examples/lstm_agreement/README.md) of "Influence Paths for Characterizing
Subject-Verb Number Agreement in LSTM Language Models" (Lu et al., ACL 2020) finds in the language
models that are shipped with it, beside what the paper reports of another, larger one. This page is
made from the tables in `examples/lstm_agreement/results`; a test holds it to them, number by number.

| model | what it is | sentences per condition |
| --- | --- | --- |
{counts}

The published model has 2 x 650 units and 50,001 words, and read 83 million words of Wikipedia forty
times. S and P are singular and plural; of two letters the first is the subject's.

## Does the model agree?

How often the agreeing form of the verb has the higher score. This is the ceiling of everything
below: what a model does not do, no path can explain.

{accuracy}

## The primary path, from the subject

P+: fraction of sentences in which the noun's total influence is positive. Share: expected fraction of
all positive influence that goes along the paper's path, `x g0 c0 h0 g1 c1 ... c1 h1`. t: probability
that it exceeds another path, drawn uniformly. Rank: place by mean influence. The paper has no rows of
Adv and namePP.

{subject}

## The primary path, from the noun between

A share is that of the influence of the condition's sign: positive where both nouns have the same
number, negative of attractors.

{noun}

## What training adds

Random parameters leave gates and cells near zero, and the candidate cell is the only gate that is
nearly linear there; so the primary path has much of the sum of *absolute* influences before any
training. Beside that fraction in the trained model stands the mean of the untrained ones, and the
difference on the same sentences with its 95% interval. What training adds is the sign, which is the
same in all sentences, and the magnitude.

{control}

## Held gates

Accuracy when all gates but a scheme's are held at their means, no derivative taken; means over the
conditions of nounPP, then of nounPPAdv.

{held}

{held_adverb}

## Primary neurons

The t of the two units that carry most of the subject's primary path, found on one half of the
sentences and measured on the other.

{neurons}

## The paper's observations as hypotheses

In brackets: conditions that say yes, no, and neither, at p < 0.05; then the same after Holm's
correction for the number of conditions.

{hypotheses}

## Why the numbers differ

- **Another model.** The published one is ten times as wide as `tiny` and three times as wide as the
  others, and read some fifty times as many words. What is measured is a property of one training:
  `english` and `decayed` read the same text, and differ from each other as much as from the paper.
- **Other sentences.** The paper's files hold each condition's own sentences; here groups of the same
  words in all numbers, so that conditions can be compared sentence by sentence. The state is zero
  before a sentence; the published accuracies were measured after a few unrelated sentences.
- **Another set of gates in Table 2.** Read literally, the paper's set leaves the subject's own gates
  out, and then no scheme could keep the primary path. Here it is in.
- **Saturated accuracy.** `tiny` is right in nearly every sentence: holding gates cannot help it, and
  the gradation of Table 2 is lost.
- **Not the computation.** The numbers of paths are the paper's. The influences of all paths add up to
  the derivative of the untouched model within {structural} of their absolute sum, at worst. The rule
  of quadrature is the paper's, too, 50 points of the right Riemann sum; it misses the change of the
  score by {quadrature} at worst.

## What was not checked

- The published model: its file is not part of the project. The same commands run on it.
- Other seeds and sizes of the English models: each is one training. Intervals speak of other
  sentences for the same model.
- Other words. Sentences are made from a few dozen, and intervals over sentences do not cover their
  choice.
- The paper's Table 2 lost the overlines of its column heads in plain text; which column is which is
  taken from its prose.
- Gates are held, not paths: what holds a gate holds every path through it.

## Make it again

```bash
python -m examples.lstm_agreement.report --tiny --tables '--sentences 600'
```

measures a model, reusing what is there, and writes everything about it to one page that stands
alone. `python -m examples.lstm_agreement.report.documents` makes this page and the tables of the READMEs
from the shipped results.
"""
