"""What the report says in words: the method, why numbers differ from the paper's, and what was not
checked.
"""

from collections.abc import Mapping
from typing import Any

from examples.lstm_agreement.report.contents import Contents

METHOD = """\
**Sentences.** Tasks from *The writer knows* (Simple) to *The writer near the houses probably
knows* (nounPPAdv). A group fills a task with words and holds one sentence per number condition, by
swapping the forms of the same words: SS, SP, PS, PP are the numbers of the subject and of the noun
between.

**Quantity of interest.** The score of the verb form that agrees with the subject minus that of the
other form, in logits, after the last word before the verb. The state is zero before the first word.

**Distribution of interest.** The line from a noun's neutral embedding, the mean of its singular and
its plural form, to the form that stands there.

**Paths.** All paths from the noun's embedding through the gates f, i, o, g, the cells c and the
hidden states h of both layers at every word. Influence divides exactly among them. The *primary
path* of the paper is `x g0 c0 h0 g1 c1 … c1 h1`: up through the candidate cells of both layers at
the noun, and then along the cell of the second layer.

**Interventions** take no derivative: gates are held at their means, units at zero or at what they
hold in another sentence, and the change of the score is measured.

**Intervals** are 95% percentile bootstrap intervals over sentences. They speak of other sentences
for this model, not of other models; sentences share words, so that they are, if anything, too
narrow. What was measured on the same sentences is compared by the difference in each of them.
"""


def differences(contents: Contents) -> str:
    """Why the numbers are not the published ones."""
    model, asked = contents.model, _options(contents)
    seen = model["training"].get("words_seen")
    read = f"{seen / 1e6:,.0f} million words" if isinstance(seen, int | float) else "not recorded"
    lines = [
        "| what | the paper | here |",
        "| --- | --- | --- |",
        (
            f"| size | 2 x 650 units, 50,001 words | {model['layers']} x {model['units']} units, "
            f"{model['words']:,} words |"
        ),
        (
            f"| training | 83 million words of Wikipedia, forty times | {read} read in all, "
            "repetitions counted |"
        ),
        "| sentences | the published files, conditions sampled apart | "
        + (
            f"the files in {asked['tasks_dir']}"
            if asked.get("tasks_dir")
            else "own generator, matched groups of all conditions"
        )
        + f"; at most {asked.get('sentences', '?')} per condition |",
        "| state before a sentence | after a few unrelated sentences | zero |",
        (
            f"| quadrature | right Riemann sum, 50 points | {asked.get('rule', '?')}, "
            f"{asked.get('steps', '?')} points |"
        ),
        (
            "| Table 2's set of gates | its text reads as if without the subject's own step; its "
            "numbers, which fall when the subject's gates are held, are with it | with it |"
        ),
    ]
    return "\n".join(lines) + "\n\n" + _READING


_READING = """\
A number of this page beside a published one compares two trained models, not two computations: the
published model's parameters are not part of the project. That the computation is the paper's is
checked elsewhere: the numbers of paths are those of the paper (16, 152, 6,946, 41,561), the sums
over paths are the derivative of the untouched model (the audit), and every influence is tested
against finite differences. The share of the primary path in the sum of absolute influences is large
without any training, since what passes another gate is multiplied by a cell or a candidate that
random parameters leave near zero: it must be read beside the untrained models. Where a model is
right in every sentence, holding gates cannot help it, and Table 2 loses its gradation. The columns
of the paper's Table 2 are assigned by its prose, since the overlines of the schemes' names are lost
in its plain text.
"""

UNCHECKED = """\
- One training of one size: nothing in the tables of this model says what another seed would give.
- Paths of rank 1 are found on the sentences that they are measured on, or on some of them: their
  shares, and what holding their gates costs, are, if anything, too large. The part about halves,
  where it is there, finds them on other sentences.
- The published model itself: its file is not part of the project. The same commands run on it with
  `--checkpoint` and `--vocab`.
- Sentences are made from few words. Intervals over sentences do not cover the choice of the words.
- Gates are held, not paths: what holds a gate holds every path through it.
- The line from the neutral embedding is one of many; another baseline would divide the same
  difference otherwise.
- p-values are corrected within a hypothesis, not for the number of hypotheses.
"""


def audit(contents: Contents) -> Mapping[str, str]:
    """The worst residuals of the tables that are there, by name."""
    found = {}
    for name in ("table1", "neurons", "context"):
        residuals = [_number(line.get("structural")) for line in contents.tables.get(name, ())]
        if residuals:
            found[f"structural residual, {name}"] = f"{max(residuals):.1e} at worst"
    rows = [r for r in contents.tables.get("table1", ()) if r["model"] == "trained"]
    if rows:
        gap = max(_number(r["quadrature"]) for r in rows)
        found["quadrature residual"] = f"{gap:.1%} at worst, mean of a condition"
    return found


def _number(value: Any) -> float:
    # A residual that is no number must not pass for a small one.
    return float("inf") if value is None else float(value)


def _options(contents: Contents) -> Mapping[str, Any]:
    record = contents.steps["tables"].record if "tables" in contents.steps else None
    return {} if record is None else record["options"]
