"""What the study's README says in words, against the shipped tables."""

import re

import pytest

from examples.lstm_agreement.report.contents import read_table
from examples.lstm_agreement.report.documents import ROOT
from examples.lstm_agreement.report.shipped import STUDY, held_table, read_all
from examples.lstm_agreement.report.study_page import words_ratio
from examples.lstm_agreement.tables.measure import Role
from examples.lstm_agreement.tables.paper import COMPRESSION

pytestmark = pytest.mark.one_python

README = " ".join((STUDY / "README.md").read_text().split())
MODELS = read_all()
TINY, DECAYED, ENGLISH = (MODELS[name] for name in ("tiny", "decayed", "english"))
FOUR = ("SS", "SP", "PS", "PP")
LONGER = ("Adv", "namePP", "nounPP", "nounPPAdv")


def span(values):
    ends = [f"{v:.2f}" for v in (min(values), max(values))]
    return ends[0] if ends[0] == ends[1] else " to ".join(ends)


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
    adverb = {x: held(DECAYED, x, "nounPPAdv") for x in ("C", "all but Cs", "all but CR2")}
    yield (
        f"the subject's two gates leaves {held(DECAYED, 'all but Cs')} of "
        f"{held(DECAYED, 'C')}, two random gates leave {held(DECAYED, 'all but CR2')}; in "
        f"nounPPAdv it leaves {adverb['all but Cs']} of {adverb['C']}, where random gates take "
        f"nothing ({adverb['all but CR2']})"
    )
    yield f"nounPPAdv is at {held(DECAYED, 'all but Ci', 'nounPPAdv')} against {adverb['C']}"
    yield (
        f"nounPP is not better in the mean ({held(DECAYED, 'all but Ci')} against "
        f"{held(DECAYED, 'C')})"
    )
    attractor = {
        d["condition"]: d
        for d in DECAYED.tables["differences"]
        if (d["what"], d["task"]) == ("accuracy all but Ci - C", "nounPP")
    }
    lost = {c: f"{d['difference']:+.3f}" for c, d in attractor.items()}
    yield f"since PP loses {-attractor['PP']['difference']:.2f}"
    yield (
        f"difference is {lost['SP']} (SP) and {lost['PS']} (PS) sentence by sentence "
        f"(p = {attractor['SP']['p']:.3f} and {attractor['PS']['p']:.2f})"
    )
    alone = {t: min(m.held(t, "CFs")[0] for m in MODELS.values()) for t in ("nounPP", "nounPPAdv")}
    yield (
        f"alone they leave {alone['nounPP']:.2f} or more of nounPP, and "
        f"{alone['nounPPAdv']:.2f} or more of nounPPAdv"
    )
    few = ENGLISH.held("nounPPAdv", "CFs")
    assert few[1] == 2
    yield (
        f"its two gates held leave {held(ENGLISH, 'all but CFs', 'nounPPAdv')} of "
        f"{held(ENGLISH, 'C', 'nounPPAdv')}, where two random ones leave "
        f"{held(ENGLISH, 'all but CR2', 'nounPPAdv')}"
    )
    random = [held(m, f"all but CR{m.held('nounPP', 'CFs')[1]}") for m in MODELS.values()]
    yield f"at chance in nounPP, where as many random gates leave {min(random)} or more"
    assert max(m.held("nounPP", "all but CFs")[0] for m in MODELS.values()) < 0.55
    between = [
        n["share"]
        for n in ENGLISH.tables["neurons"]
        if n["role"] == s.value and n["unit"] == 71 and n["task"].startswith("nounPP")
    ]
    yield f"carries {max(between):.2f} or less of the path with a noun between"
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
    n_models = len({r["model"] for r in ENGLISH.tables["table1"]}) - 1
    of_models = {1: "in one model", 3: "in the mean of three models"}[n_models]
    yield (
        f"**Without training**, {of_models}, the primary path "
        f"has {span(untrained['Simple'])} of the sum of absolute influences in Simple and "
        f"{span(untrained['nounPP'])} of it in nounPP"
    )


def claims_of_concepts_in_decayed():
    paths = [
        r for r in read_table(DECAYED.folder / "concepts_paths.csv") if r["model"] == "trained"
    ]
    own = [
        r
        for r in paths
        if r["concept"] == "number of a reflexive" and r["task"].startswith("reflexive")
    ]
    ranks = [r["rank"] for r in own]
    assert set(ranks) == {1, 3}
    yield f"it is first in {ranks.count(1)} of {len(ranks)} conditions of the own sentences"
    alone, behind = ([r for r in own if ("attractor" in r["task"]) == far] for far in (False, True))
    yield (
        f"a share of {span([r['share'] for r in alone])} without and "
        f"{span([r['share'] for r in behind])} behind an attractor (t "
        f"{span([r['t'] for r in own])})"
    )
    verbs = [r for r in paths if r["concept"] == "number of the verb"]
    ranks = [r["rank"] for r in verbs]
    yield f"it has rank {min(ranks)} to {max(ranks)} and a t of {span([r['t'] for r in verbs])}"
    first, second = (f"{r['along_primary']:.2f}" for r in alone)
    yield (
        f"Exchanging the noun along it alone takes {first} and {second} of what exchanging it "
        f"everywhere takes, and {span([r['along_primary'] for r in behind])} behind an attractor"
    )
    known = read_table(DECAYED.folder / "concepts_known.csv")
    frames = ("reflexive", "reflexive, attractor")
    number = [r for r in known if r["concept"] == "number of a reflexive" and r["frame"] in frames]
    yield f"(accuracy {span([r['accuracy'] for r in number])} in own sentences)"
    gender = [r for r in known if r["concept"].startswith("gender")]
    assert all(r["accuracy"] == (r["condition"][0] == "M") for r in gender)
    yield f"the noun moves the score by {span([r['shift'] for r in gender])} logits"
    quantity = read_table(DECAYED.folder / "concepts_quantity.csv")
    assert {r["of_10"] for r in quantity} == {10}


def claims_of_the_parts():
    """Likewise, about what other commands wrote."""
    tiny = {r["condition"]: r for r in TINY.rows(Role.SUBJECT) if r["task"] == "nounPP"}
    others = [of(TINY, Role.SUBJECT, "rank", task) for task in ("namePP", "nounPPAdv")]
    yield (
        f"has rank {tiny['SS']['rank']}, {tiny['SP']['rank']}, {tiny['PS']['rank']} and "
        f"{tiny['PP']['rank']} in nounPP (3 words; SS, SP, PS, PP), {others[0][0]} and "
        f"{others[0][1]} in namePP, and {min(others[1])} to {max(others[1])} in nounPPAdv"
    )
    context = read_table(TINY.folder / "context.csv")
    least = min(r["t"] for r in context if r["n_words"] <= 12)
    untrained = [
        r["t"]
        for m in MODELS.values()
        for r in m.tables["table1"]
        if r["model"] != "trained" and r["role"] == Role.SUBJECT.value
    ]
    yield f"(t from the subject of {span(untrained)})"
    yield f"nearly all up to 12 words (t of {least:.3f} or more)"
    (n,) = {r["n_sentences"] for r in context}
    yield f"All this is from {n} sentences per condition"
    alone = [
        f"{r['along_primary']:.2f} ({r['condition']})"
        for r in read_table(TINY.folder / "concepts_paths.csv")
        if (r["concept"], r["model"], r["task"]) == ("number of the verb", "trained", "nounPP")
    ]
    yield f"changes by {', '.join(alone[:3])} and {alone[3]} of what it does"
    first = sum(r["rank"] == 1 for r in tiny.values())
    yield f"in nounPP it is first in {first} of {len(tiny)} conditions"
    known = read_table(ENGLISH.folder / "concepts_known.csv")
    gender = {
        (r["frame"], r["condition"]): r for r in known if r["concept"].startswith("gender of a")
    }
    for frame in ("reflexive, attractor", "pronoun, attractor"):
        rows = [gender[frame, c] for c in ("MM", "MF", "FM", "FF")]
        yield (
            ", ".join(f"{r['condition']} {r['accuracy']:.2f}" for r in rows)
            + f" | {span([r['moved'] for r in rows])} | {span([r['shift'] for r in rows])} |"
        )
    moved = [r["moved"] for r in gender.values()]
    shifts = [r["shift"] for r in gender.values()]
    yield f"difference in {span(moved)} of the sentences, but by {span(shifts)} logits"
    reflexive = [
        r
        for r in read_table(ENGLISH.folder / "concepts_paths.csv")
        if (r["concept"], r["model"]) == ("number of a reflexive", "trained")
    ]
    most = max(r["along_primary"] for r in reflexive)
    along = span([r["along_largest"] for r in reflexive])
    yield (
        f"alone takes at most {most:.3f} of what exchanging it everywhere takes; along the path of "
        f"rank 1 it takes {along}"
    )
    yield from claims_of_concepts_in_decayed()
    clauses = {
        (r["task"], r["condition"]): r["accuracy"]
        for r in read_table(TINY.folder / "clauses_accuracy.csv")
    }
    long = [clauses["long coordination", c] for c in FOUR]
    yield (
        f"({clauses['coordination', 'S']:.2f} in S and {clauses['coordination', 'P']:.2f} in P; "
        f"{span(long)} in long coordination)"
    )
    shares = {
        u["unit"]: u["share"]
        for u in DECAYED.tables["neurons"]
        if (u["role"], u["task"], u["condition"]) == ("subject", "namePP", "SS")
    }
    largest = [u for u in DECAYED.tables["neurons"] if u["unit"] == 40]
    most = [
        u
        for u in largest
        if u["role"] == "subject" and (u["task"], u["condition"]) != ("namePP", "SS")
    ]
    yield (
        f"unit 40 has most ({span([u['share'] for u in most])} of it, t "
        f"{span([u['t'] for u in most])}), but in namePP SS, where unit 53 has more "
        f"({shares[53]:.2f} against {shares[40]:.2f})"
    )
    helped, misled = (
        [u["t"] for u in largest if u["role"] != "subject" and u["condition"] in conditions]
        for conditions in (("SS", "PP"), ("SP", "PS"))
    )
    yield f"its t is {span(helped)} for helpful nouns and {span(misled)} for attractors"
    helped, misled = (
        [
            u["t"]
            for u in TINY.tables["neurons"]
            if u["role"] != "subject" and u["condition"] in conditions
        ]
        for conditions in (("SS", "PP"), ("SP", "PS"))
    )
    yield (f"{min(helped):.2f} or more for helpful nouns, {max(misled):.2f} or less for attractors")
    largest = {t: of(ENGLISH, Role.SUBJECT, "largest_share", t) for t in LONGER}
    yield f"in Adv ({largest['Adv'][0]:.2f} and {largest['Adv'][1]:.2f})"
    yield f"{largest['namePP'][0]:.2f} and {largest['namePP'][1]:.2f} in namePP"
    assert max(largest["nounPP"] + largest["nounPPAdv"]) < 0.1
    yield f"model: 2 x 650 units, and {words_ratio('english')} times as many words read)"


def claims_of_clauses():
    """What the model of English does with a clause."""
    known = {
        (r["task"], r["condition"]): r["accuracy"]
        for r in read_table(ENGLISH.folder / "clauses_accuracy.csv")
        if r["source"] == "own generator" and "first verb" not in r["task"]
    }
    relative = [v for (task, _), v in known.items() if "relative" in task]
    complement = [v for (task, _), v in known.items() if task == "complement"]
    yield (
        f"verb right in {span(relative)}, that of complements in {span(complement)}, and of *works "
        f"and knows* in {known['coordination', 'S']:.2f} and {known['coordination', 'P']:.2f}"
    )
    rows = [
        r
        for r in read_table(ENGLISH.folder / "clauses_paths.csv")
        if (r["model"], r["role"]) == ("trained", "subject") and "relative" in r["task"]
    ]
    (n,) = {r["n_sentences"] for r in rows}
    yield f"`english`, {n} sentences per condition ([all of them](results/clauses.md))"
    yield (
        f"its share in relative clauses is {max(r['share'] for r in rows):.3f} at most, its t "
        f"{span([r['t'] for r in rows])}, and its rank {min(r['rank'] for r in rows)} at best"
    )
    ways = {
        (r["task"], r["name"]): r
        for r in read_table(ENGLISH.folder / "clauses_across.csv")
        if (r["kind"], r["condition"]) == ("before", "all") and "relative" in r["task"]
    }
    object_relatives = ("object relative, that", "object relative")
    cells, hidden = ([ways[t, s]["fraction"] for t in object_relatives] for s in ("c0", "h1"))
    yield (
        f"{ways['subject relative', 'c0']['fraction']:.2f} of it over a subject relative, and over "
        f"object relatives in that cell ({cells[0]:.2f} and {cells[1]:.2f}) and in the hidden "
        f"state of the second layer ({hidden[0]:.2f} and {hidden[1]:.2f})"
    )
    apart = max(abs(w["fraction"] - w["exchanged_fraction"]) for w in ways.values())
    yield f"influence and intervention differ by {apart:.2f} at most"
    answers = [
        r["answer"]
        for r in read_table(ENGLISH.folder / "clauses_verdicts.csv")
        if "relative" in r["task"] and r["condition"] != "all"
    ]
    yield (
        f"of the {len(answers)} conditions of relative clauses the first state is confirmed in "
        f"{answers.count('confirmed')}, refuted in {answers.count('refuted')} and open in "
        f"{answers.count('open')}"
    )


def test_the_first_state_by_influence_is_first_by_exchange():
    assert "the state that is first by influence is first by exchange in all lines" in README
    for results in MODELS.values():
        ways = [
            r
            for r in read_table(results.folder / "clauses_across.csv")
            if (r["kind"], r["condition"]) == ("before", "all") and "relative" in r["task"]
        ]
        for task in {r["task"] for r in ways}:
            mine = [r for r in ways if r["task"] == task]
            first = {max(mine, key=lambda r, k=k: r[k])["name"] for k in _FRACTIONS}
            assert len(first) == 1


_FRACTIONS = ("fraction", "exchanged_fraction")


@pytest.mark.parametrize("claim", [*claims(), *claims_of_the_parts(), *claims_of_clauses()])
def test_the_readme_says_what_the_tables_say(claim):
    assert " ".join(claim.split()) in README


def test_paths_of_rank_1_where_they_were_not_found():
    rows = read_table(ENGLISH.folder / "halves.csv")
    first = sum(r["rank"] == 1 for r in rows)
    assert f"has rank 1 there, too, in {first} of {len(rows)} conditions" in README
    lines = read_table(ENGLISH.folder / "halves_held.csv")
    left, whole = (
        [r["accuracy"] for r in lines if r["scheme"] == scheme] for scheme in ("all but CFsi", "C")
    )
    said = f"leaves {sum(left) / len(left):.2f} of {sum(whole) / len(whole):.2f}"
    assert f"holding the gates on these paths {said}" in README


def test_the_published_rows_are_the_means_that_the_paper_prints():
    for task in ("nounPP", "nounPPAdv"):
        line = held_table(MODELS, task).splitlines()[2]
        printed = COMPRESSION[task, "mean"]
        assert line.startswith(f"| published | {printed[6]:.2f} | {printed[1]:.2f} |")


def test_where_the_small_model_has_the_path_first():
    ranks = of(TINY, Role.SUBJECT, "rank", *LONGER)
    said = f"in {ranks.count(1)} of the {len(ranks)} conditions with more between"
    assert said in " ".join((ROOT / "README.md").read_text().split())


def test_signs_of_the_subject():
    least = min(r["p_plus"] for r in ENGLISH.rows(Role.SUBJECT))
    assert f"(P+ is {least:.2f} or more in every condition)" in README


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
