"""What the study's README says in words, against the shipped tables."""

import re

import pytest

from examples.lstm_agreement.report.shipped import STUDY, read_all
from examples.lstm_agreement.tables.measure import Role

README = " ".join((STUDY / "README.md").read_text().split())
MODELS = read_all()
TINY, DECAYED, ENGLISH = (MODELS[name] for name in ("tiny", "decayed", "english"))
FOUR = ("SS", "SP", "PS", "PP")
LONGER = ("Adv", "namePP", "nounPP", "nounPPAdv")


def span(values):
    ends = [f"{v:.2f}" for v in (min(values), max(values))]
    return ends[0] if ends[0] == ends[1] else " to ".join(ends)


def floor(value):
    """Two decimals that are not above the value, but for its rounding in print."""
    return f"{value:.2f}"


def of(results, role, field, *tasks, sign=None):
    return [
        r[field]
        for r in results.rows(role)
        if (not tasks or r["task"] in tasks) and (sign is None or r["sign"] == sign)
    ]


def held(results, scheme, task="nounPP"):
    return f"{results.held(task, scheme)[0]:.2f}"


def claims():
    """Sentences with their numbers filled in."""
    s, i = Role.SUBJECT, Role.INTERVENING
    total = {c: ENGLISH.row(s, "nounPP", c)["total"] for c in FOUR}
    yield (
        f"helpful nouns raise it too (P+ at least {min(of(ENGLISH, i, 'p_plus', sign=1)):.2f}) and "
        f"attractors lower it (P+ at most {max(of(ENGLISH, i, 'p_plus', sign=-1)):.2f})"
    )
    yield (
        f"({total['SP']:.2f} and {total['SS']:.2f} logits in SP and SS, {total['PS']:.2f} and "
        f"{total['PP']:.2f} in PS and PP)"
    )
    yield (f"a share of {span(of(ENGLISH, s, 'share'))}, a t-value of {span(of(ENGLISH, s, 't'))}")
    rows = ENGLISH.rows(s) + ENGLISH.rows(i)
    yield (
        f"within {max(r['structural'] for r in rows):.1e} of their absolute sum, and to the change "
        f"of the score within {max(r['quadrature'] for r in rows):.1%}"
    )
    simple = of(TINY, s, "share", "Simple")
    least = min(of(TINY, s, "t"))
    yield f"share of {simple[0]:.2f} (S) and {simple[1]:.2f} (P), t = {least:.2f} or more"
    ranks = of(TINY, s, "rank", *LONGER)
    yield f"ranks from {min(ranks)} to {max(ranks)} over distances"
    yield (
        f"carries {span(of(DECAYED, s, 'share', 'Simple'))} in Simple and "
        f"{span(of(DECAYED, s, 'share', *LONGER))} in longer tasks"
    )
    ranks = of(DECAYED, s, "rank")
    yield f"its t-value is {span(of(DECAYED, s, 't'))}, and its rank {min(ranks)} to {max(ranks)}"
    pairs = [("nounPP", "SP"), ("nounPP", "PS"), ("nounPPAdv", "PS"), ("Simple", "P")]
    for task, condition in [*pairs, ("nounPPAdv", "SP"), ("nounPP", "PP")]:
        numbers = [m.accuracy(task, condition) for m in (DECAYED, ENGLISH)]
        yield f"{numbers[0]:.2f} against {numbers[1]:.2f}"
    yield f"namePP PS ({ENGLISH.accuracy('namePP', 'PS'):.2f} against 0.69)"
    yield f"as many random gates leave {held(TINY, 'all but CR4')}"
    yield (
        f"the subject's two gates leaves {held(DECAYED, 'all but Cs')} of "
        f"{held(DECAYED, 'C')}, two random gates leave {held(DECAYED, 'all but CR2')}"
    )
    yield (
        f"nounPPAdv is at {held(DECAYED, 'all but Ci', 'nounPPAdv')} against "
        f"{held(DECAYED, 'C', 'nounPPAdv')}"
    )
    attractor = {
        d["condition"]: d["difference"]
        for d in DECAYED.tables["differences"]
        if (d["what"], d["task"]) == ("accuracy all but Ci - C", "nounPP")
    }
    yield f"difference is {attractor['SP']:+.3f} (SP) and {attractor['PS']:+.3f} (PS)"
    alone = {t: min(m.held(t, "CFs")[0] for m in MODELS.values()) for t in ("nounPP", "nounPPAdv")}
    yield (
        f"alone they leave {floor(alone['nounPP'])} or more of nounPP, and "
        f"{floor(alone['nounPPAdv'])} or more of nounPPAdv"
    )
    first, second = (
        [n["t"] for n in ENGLISH.tables["neurons"] if n["unit"] == unit and n["role"] == s.value]
        for unit in dict.fromkeys(n["unit"] for n in ENGLISH.tables["neurons"])
    )
    yield f"one has a t of {span(first)} on the other half"
    yield f"the other has a t of {span(second)}"
    untrained = {
        task: [ENGLISH.magnitude_untrained(task, c) for c in conditions]
        for task, conditions in (("Simple", "SP"), ("nounPP", FOUR))
    }
    yield (
        f"has {span(untrained['Simple'])} of the sum of absolute influences in Simple and "
        f"{span(untrained['nounPP'])} of it in nounPP"
    )


@pytest.mark.parametrize("claim", list(claims()))
def test_the_readme_says_what_the_tables_say(claim):
    assert " ".join(claim.split()) in README


def test_signs_of_the_subject():
    assert "(P+ is 1.00 in every condition)" in README
    assert {r["p_plus"] for r in ENGLISH.rows(Role.SUBJECT)} == {1.0}


def test_no_number_of_the_prose_is_from_an_older_run():
    """Every decimal number between the marks of the section about the results is in a table."""
    section = README[README.index("## What comes out") : README.index("## What paths add")]
    known = set()
    for results in MODELS.values():
        for lines in results.tables.values():
            known |= {
                f"{value:.2f}"
                for line in lines
                for value in line.values()
                if isinstance(value, float)
            }
    numbers = set(re.findall(r"(?<![\d.e-])0\.\d\d(?![\d])", section))
    assert len(numbers) > 30
    # Means over conditions, and what the paper says, are tested by name above.
    assert len(numbers - known) < 12
