"""What the study's README says of other methods, against the shipped tables."""

import numpy as np
import pytest

from examples.lstm_agreement.report.rivals import read_nodes, read_scored, read_ways
from examples.lstm_agreement.report.shipped import RESULTS, STUDY, read_all, short_label
from examples.lstm_agreement.tables.correlation import spearman

pytestmark = pytest.mark.one_python

README = " ".join((STUDY / "README.md").read_text().split())
MODELS = ("tiny", "decayed")
SCORED = {m: {s.method.name: s for s in read_scored(RESULTS[m])} for m in MODELS}
WAYS = {m: read_ways(RESULTS[m]) for m in MODELS}
NODES = {m: read_nodes(RESULTS[m]) for m in MODELS}
HALF = 0.5
FOUR = ("SS", "SP", "PS", "PP")


def first(model):
    """The units that the interchange finds first."""
    return np.argsort(-np.abs(SCORED[model]["interchange"].scores), kind="stable")[:5]


def guided(model):
    text = (RESULTS[model] / "rivals.md").read_text()
    return short_label(text.split("Guided refinement goes along `")[1].split("`")[0])


def claims():
    sums = {
        m: [SCORED[m][name].scores.sum() for name in ("paths, all", "integrated gradients")]
        for m in MODELS
    }
    yield (
        f"{sums['tiny'][0]:.1f} and {sums['tiny'][1]:.1f} logits in `tiny`, "
        f"{sums['decayed'][0]:.2f} and {sums['decayed'][1]:.2f} in `decayed`"
    )
    paths = [guided(m).removesuffix(" qoi") for m in MODELS]
    yield f"(`{paths[0]}` in `tiny`, `{paths[1]}` in `decayed`)"
    signs = [SCORED[m]["paths, guided"].against.signed for m in MODELS]
    yield f"its signs say little ({signs[0]:.2f} and {signs[1]:.2f})"
    shares = [
        d.share
        for d in NODES["decayed"]
        if (d.node.name in ("f1", "i1", "o1", "g1")) and d.node.index == (1,)
    ]
    yield f"have {min(shares):.2f} to {max(shares):.2f} of the influence"
    scores = SCORED["tiny"]["classifier"].scores
    yield f"so do {int((scores == 1).sum())} of {len(scores)} single units"
    against = SCORED["decayed"]["interchange"].against
    yield (
        f"agree on {against.n_first:.0f} of the first five units, and their signed correlation is "
        f"{against.signed:.2f}"
    )
    for model in MODELS:
        (n,) = {line.split(", ")[-1] for line in heading(model)}
        yield f"`{model}`, {int(n.split()[0]) // 4} sentences per condition"


def heading(model):
    return [(RESULTS[model] / "rivals.md").read_text().splitlines()[0]]


@pytest.mark.parametrize("claim", list(claims()))
def test_the_readme_says_what_the_tables_say(claim):
    assert " ".join(claim.split()) in README


def test_paths_and_integrated_gradients_order_units_alike():
    assert "Spearman's correlation 1.00 in both models" in README
    for model in MODELS:
        both = [SCORED[model][name].scores for name in ("paths, all", "integrated gradients")]
        assert f"{spearman(*both):.2f}" == "1.00"
        # The line of influence starts half way between the two sentences.
        assert both[1].sum() == pytest.approx(2 * both[0].sum(), rel=0.03)


def test_where_the_number_comes_in():
    said = "in 37, 24 and 23 of `tiny` and 53, 90, 8 and 199 of `decayed`, more than half"
    assert said in README
    for model, units in (("tiny", {37, 24, 23}), ("decayed", {53, 90, 8, 199})):
        words, total = WAYS[model].by_word(), WAYS[model].influences.sum(axis=0)
        late = {int(u) for u in first(model) if words[-1, u] / total[u] > HALF}
        assert late == units
        assert {int(u) for u in late if str(WAYS[model].largest(u)[0]).startswith("i1")} == (
            {8} if model == "decayed" else set()
        )
    words, total = WAYS["tiny"].by_word(), WAYS["tiny"].influences.sum(axis=0)
    assert "In units 34 and 35 of `tiny` about a third and a half come in at the subject" in README
    assert words[0, 34] / total[34] == pytest.approx(1 / 3, abs=0.03)
    assert words[0, 35] / total[35] == pytest.approx(1 / 2, abs=0.03)


def test_the_unit_that_gradients_miss():
    assert "(unit 64 of `decayed`)" in README
    assert 64 in first("decayed")
    for name in ("paths, all", "integrated gradients"):
        scores = SCORED["decayed"][name].scores
        assert 64 not in np.argsort(-np.abs(scores), kind="stable")[:5]


def test_which_first_units_the_guided_path_passes():
    assert "passes the same first units in `tiny` and others in `decayed`" in README
    n_same = [SCORED[m]["paths, guided"].against.n_first for m in MODELS]
    assert n_same[0] >= 4 > n_same[1]


def test_what_is_readable():
    said = "Every gate at the subject tells the number without an error"
    assert said in README
    assert {d.accuracy for d in NODES["decayed"] if d.node.index == (1,)} == {1.0}
    assert "In `tiny` every gate, cell and hidden state from the subject on does" in README
    assert {d.accuracy for d in NODES["tiny"] if d.node.index[0] >= 1} == {1.0}


def ablation(model, task, condition, units, field="accuracy"):
    return next(
        a[field]
        for a in read_all()[model].tables["ablations"]
        if (a["task"], a["condition"], str(a["units"])) == (task, condition, units)
    )


def test_what_holding_the_primary_units_of_the_small_model_does():
    assert "Held at zero they change no answer, though they take a quarter to two fifths" in README
    key = {(t, c) for t, cs in (("Simple", "SP"), ("nounPP", FOUR)) for c in cs}
    for both in key:
        units = ("none", "35 and 24")
        assert len({ablation("tiny", *both, u) for u in units}) == 1
        before, after = (ablation("tiny", *both, u, "margin") for u in units)
        assert 0.22 < 1 - after / before < 0.43


def test_what_holding_units_40_and_53_does():
    lost = {
        condition: [
            ablation("decayed", task, condition, "none") - ablation("decayed", task, condition, u)
            for u in ("40 and 53", "2 others")
        ]
        for task, conditions in (("Simple", ("S", "P")), ("nounPP", FOUR))
        for condition in conditions
    }
    assert (
        f"units 40 and 53 take {lost['SP'][0]:.2f} from the accuracy of nounPP SP, where random "
        f"units take {lost['SP'][1]:.2f}"
    ) in README
    gained = [-lost[c][0] for c in ("P", "PS", "PP")]
    assert (
        f"the three conditions with a plural subject gain {min(gained):.2f} to {max(gained):.2f}"
    ) in README
