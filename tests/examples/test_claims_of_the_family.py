"""What the study's README says of the family, against its shipped tables."""

import pytest

from examples.lstm_agreement.family import report, summary
from examples.lstm_agreement.report.shipped import STUDY

pytestmark = pytest.mark.one_python

README = " ".join((STUDY / "README.md").read_text().split())
FAMILY = summary.read_all(STUDY / "results" / "family")
GROUPS = summary.groups(FAMILY)
LSTMS = [one for one in FAMILY if one.member.kind.name == "lstm"]
SIZES = ("lstm-32", "lstm-64", "lstm-128")
SUBJECT = "subject"


def cells(table, *key):
    """The cells of a line that begins so, by group."""
    header, lines = table
    line = next(line for line in lines if line[: len(key)] == key)
    return dict(zip(header[len(key) :], line[len(key) :], strict=True))


def medians(found):
    return [found[size].split(" ")[0] for size in SIZES]


def number(one, name, key, model="trained"):
    return next(
        float(r[name]) for r in one.rows(model) if (r["role"], r["task"], r["condition"]) == key
    )


def claims():
    words = ["three", "four", "two"]
    sizes = [len(GROUPS[size]) for size in SIZES]
    named = dict(zip((3, 4, 2), words, strict=True))
    yield (
        f"The shipped run has {len(FAMILY)} models: at 64 units {named[sizes[1]]} seeds, at 32 "
        f"{named[sizes[0]]}, at 128 {named[sizes[2]]}, three GRUs, three transformers"
    )
    sign = "That path is positive for helpful nouns, negative for attractors"
    (hypothesis,) = (h for h in summary.HYPOTHESES if h.statement == sign)
    counts = summary.models_that_say(hypothesis, LSTMS)
    assert counts["holds"] + counts["partly"] == len(LSTMS)
    yield f"it holds in {counts['holds']} of {len(LSTMS)} LSTMs, and in part in the other two"
    ranks = sorted(int(number(one, "rank", (SUBJECT, "nounPP", "PP"))) for one in GROUPS["lstm-32"])
    assert ranks[:2] == [1, 1]
    yield f"in nounPP PP it has rank 1 in two of them and rank {ranks[2]} in the third"
    simple = (SUBJECT, "Simple", "S")
    shares = [summary.spread(GROUPS[size], simple, "share").median for size in SIZES]
    yield "its median is {:.2f} at 32 units, {:.2f} at 64 and {:.2f} at 128".format(*shares)
    held = report.held_table(FAMILY)
    found = cells(held, "nounPP", "primary path held")
    random = cells(held, "nounPP", "as many at random")
    yield (
        f"leaves an accuracy of {found['lstm-32']} in nounPP, where two random gates leave "
        f"{random['lstm-32'].split()[0]}; at 64 units they leave {found['lstm-64']}"
    )
    assert found["lstm-128"].startswith("1.00 [1.00")
    assert random["lstm-128"].startswith("1.00 [1.00")
    before = [number(one, "magnitude", simple, "untrained") for one in LSTMS]
    after = [number(one, "magnitude", simple) for one in LSTMS]
    yield (
        f"has {min(before):.2f} or more of the sum of absolute influences in every LSTM before its "
        f"training, and {max(after):.2f} or less after it"
    )
    along = cells(report.patches_table(FAMILY), "nounPP", "primary", "change")
    yield (
        f"changes by {along['lstm-32']} of the whole at 32 units, by {along['lstm-64']} at 64 and "
        f"by {along['lstm-128']} at 128"
    )
    right = [
        float(r["accuracy"])
        for one in LSTMS
        for r in one.lines["patches.csv"]
        if (r["task"], r["paths"]) == ("nounPP", "primary")
    ]
    least = min(
        sum(mine) / len(mine) for mine in (right[i : i + 4] for i in range(0, len(right), 4))
    )
    yield f"still agrees with the old number in {least:.2f} of the sentences or more"
    routes = report.routes_table(FAMILY)
    waits = cells(routes, "nounPP", "second layer")
    moves = cells(routes, "nounPP", "rest")
    yield "is {}, {} and {} of the total; {}, {} and {} change their place".format(
        *medians(waits), *medians(moves)
    )
    gru = GROUPS["gru-64"]
    first = [number(one, "rank", simple) == 1 for one in gru]
    yield f"It has rank 1 in {sum(first)} of {len(gru)} models in Simple S and in none in nounPPAdv"
    yield (
        f"What waits in the second layer is {waits['gru-64']} of the total in nounPP, in the first "
        f"layer {cells(routes, 'nounPP', 'first layer')['gru-64'].split()[0]}, and "
        f"{moves['gru-64'].split()[0]} moves"
    )
    yield (f"leaves {found['gru-64']}, two random ones {random['gru-64'].split()[0]}")
    shares = summary.spread(GROUPS["transformer-64"], (SUBJECT, "nounPP", "SS"), "share")
    yield f"has a share of {shares} in nounPP SS on sentences that it was not found on"
    yield (
        f"Held at their means, its nodes leave {found['transformer-64']} of nounPP, as many random "
        f"ones {random['transformer-64'].split()[0]}"
    )
    along = cells(report.patches_table(FAMILY), "nounPP", "primary", "change")
    yield f"Alone it changes {along['transformer-64']} of the score difference"
    worst = max(float(r["structural"]) for one in FAMILY for r in one.lines["table1.csv"])
    yield f"derivative of the untouched model to {worst:.1e} of the sum of absolute influences"
    gaps = {
        kind: max(
            float(r["quadrature"])
            for one in FAMILY
            if (one.member.kind.name == "gru") is (kind == "gru")
            for r in one.rows()
        )
        for kind in ("gru", "others")
    }
    yield (
        f"is {gaps['others']:.1%} at worst in LSTMs and transformers, and {gaps['gru']:.1%} in one"
    )


@pytest.mark.parametrize("claim", list(claims()))
def test_the_readme_says_what_the_tables_say(claim):
    assert " ".join(claim.split()) in README


def test_no_gru_has_the_primary_path_first_over_a_phrase_and_an_adverb():
    ranks = [
        float(r["rank"])
        for one in GROUPS["gru-64"]
        for r in one.rows()
        if (r["role"], r["task"]) == (SUBJECT, "nounPPAdv")
    ]
    assert min(ranks) > 1
