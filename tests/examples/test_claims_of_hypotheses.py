"""What the study's README says of the paper's observations, against the shipped tables."""

from collections import Counter

import pytest

from examples.lstm_agreement.hypotheses import HYPOTHESES, Tables, Verdict, verdicts
from examples.lstm_agreement.report.shipped import STUDY, read_all
from examples.lstm_agreement.tables.bootstrap import holm
from examples.lstm_agreement.tables.measure import Role
from examples.lstm_agreement.tables.paired import TRAINED_OVER_UNTRAINED

pytestmark = pytest.mark.one_python

README = " ".join((STUDY / "README.md").read_text().split())
MODELS = read_all()
DECAYED, ENGLISH = (MODELS[name] for name in ("decayed", "english"))


def answers(results):
    """Of every hypothesis: conditions that say yes, those that say no, and all of them."""
    tables = Tables.read(results.folder)
    found = {}
    for h in HYPOTHESES:
        counts = Counter(verdicts(list(h.ask(tables)), corrected=True))
        found[h.statement] = counts[Verdict.YES], counts[Verdict.NO], sum(counts.values())
    return found


def test_what_the_model_of_english_says_of_its_primary_path():
    found = answers(ENGLISH)
    sign = found["That path is positive for helpful nouns, negative for attractors"]
    gates = found["Holding the gates of the subject's path costs more than holding random ones"]
    own = found["Holding the gates of the paths of rank 1 costs accuracy"]
    noun = [abs(r["primary"]) for r in ENGLISH.rows(Role.INTERVENING)]
    assert (
        f"it has the wrong sign in {sign[1]} of {sign[2]} conditions, with {max(noun):.3f} logits "
        f"or less, and holding the subject's two gates of it costs less than two random ones in "
        f"{gates[1]} of {gates[2]} conditions"
    ) in README
    assert f"costs accuracy in {own[0]} of {own[2]} and raises it in {own[1]}" in README
    raised = {
        (d["task"], d["condition"])
        for d in ENGLISH.tables["differences"]
        if d["what"] == "accuracy C - all but CFsi" and d["difference_high"] < 0
    }
    assert raised == {("nounPPAdv", "SP"), ("nounPPAdv", "PS")}


def test_what_more_sentences_decide_in_the_decayed_model():
    found = answers(DECAYED)
    sign = found["That path is positive for helpful nouns, negative for attractors"]
    less = found["It has less influence than the subject's"]
    gates = found["Holding the gates of the subject's path costs more than holding random ones"]
    helps = found["Holding the gates of an attractor's path helps"]
    own = found["Holding the gates of the paths of rank 1 costs accuracy"]
    for said in (
        f"has the right sign in {sign[0]} of {sign[2]} conditions",
        f"It has less influence than the subject's in {less[0]} and more in {less[1]}",
        f"two gates costs more than two random ones in {gates[0]} of {gates[2]}",
        f"holding those of an attractor's path helps in {helps[0]} of {helps[2]}",
        f"those of the paths of rank 1 costs accuracy in {own[0]} of {own[2]}",
    ):
        assert said in README
    assert "though it is first in none" in README
    assert min(r["rank"] for r in DECAYED.rows(Role.INTERVENING)) > 1
    (n,) = {r["n_sentences"] for r in DECAYED.rows(Role.INTERVENING)}
    assert f"In `decayed` {n} sentences decide" in README


def test_the_magnitude_falls_in_every_condition():
    assert "it is smaller after training, in every condition" in README
    fallen = [
        d["difference_high"] < 0
        for m in MODELS.values()
        for d in m.tables["differences"]
        if d["what"] == TRAINED_OVER_UNTRAINED
    ]
    assert len(fallen) == 42
    assert all(fallen)


def test_what_is_left_behind_attractors_after_holm():
    """One of nounPP is, both of nounPPAdv are."""
    rows = {
        (d["task"], d["condition"]): d
        for d in DECAYED.tables["differences"]
        if d["what"] == "accuracy all but Ci - C" and d["condition"] in ("SP", "PS")
    }
    left = [p < 0.05 for p in holm([d["p"] for d in rows.values()])]
    assert {key for key, is_left in zip(rows, left, strict=True) if is_left} == {
        ("nounPP", "SP"),
        ("nounPPAdv", "SP"),
        ("nounPPAdv", "PS"),
    }
    values = (rows["nounPPAdv", c]["difference"] for c in ("SP", "PS"))
    said = "SP is left, and so are both of nounPPAdv ({:+.3f} and {:+.3f})"
    assert said.format(*values) in README
