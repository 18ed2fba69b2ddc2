"""The family's numbers as Markdown and CSV."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import jax
from flax import nnx

from examples.lstm_agreement.console.text import Table, as_markdown
from examples.lstm_agreement.family.measuring import FILES
from examples.lstm_agreement.family.summary import (
    Measured,
    Spread,
    answers,
    conditions,
    groups,
    in_short,
    models_that_say,
    spread,
    what_it_is,
)
from examples.lstm_agreement.hypotheses import HYPOTHESES, Verdict

_LETTERS = {Verdict.YES: "yes", Verdict.NO: "no", Verdict.OPEN: "open"}

_INTRODUCTION = """\
Models that differ in nothing but their seed make a group, as "lstm-64": two layers of 64 units.
All of them were trained on {text} and are measured on the same sentences. Spreads are
over the seeds of a group: the median, and in brackets the smallest and the largest."""

_PRIMARY = """\
The primary path of an LSTM goes through the candidate cells of both layers at the noun and then
along the cell of the second: `x g0 c0 h0 g1 c1 ... h1`; that of a GRU likewise through its
candidates and along the hidden state of the second layer: `x n0 h0 n1 h1 ... h1`. In a transformer
which head does what is an accident of the training: there it is the path that carries most, found
for each model, task and noun on one half of the sentences, and measured on the other."""

_LEGENDS = {
    "models": "Parameters of one model; accuracy: of the worst condition of all tasks.",
    "observations": "Each model says of a hypothesis that it holds in all conditions (holds), in "
    "some (partly), in none (does not hold), or that most conditions are open; how many models say "
    "which; p-values are corrected for the number of conditions (Holm). Last column: what the "
    "LSTMs of all sizes and seeds have in common.",
    "conditions": "How many models say yes/no/neither (p under 0.05 by resampling sentences, not "
    "corrected for the number of conditions).",
    "table1": "Of the primary path. Share: expected fraction of all influence of its sign; t: "
    "probability to exceed another path, drawn uniformly; rank: place by mean influence; "
    "magnitude: expected fraction of the sum of absolute influences, and the same before training.",
    "own": "How many models of a group have the primary path in the first place; and how many "
    "different paths are in the first place of its models.",
    "routes": "Exact sums of all paths from the subject that wait for the verb in one place, as "
    "fractions of the total. Second layer: the number goes up at the noun, and waits in the second "
    "layer (of a transformer: heads of the second layer look at the noun). First layer: it waits "
    "in the first, and goes up after the last word (heads of the first layer look at the noun). "
    "Rest: it moves in between. Mean over conditions.",
    "held": "Mean accuracy over conditions when the nodes of the primary path are held at their "
    "means from the subject on, and when as many nodes drawn at random are.",
    "patches": "The subject changes its number, and these paths alone see it: the change of the "
    "score difference, as a fraction of the change when everything sees it; and in how many "
    "sentences the verb still agrees with the old number, where these paths see the change, and "
    "where all others do. No derivative is taken. Mean over conditions.",
}


def markdown(family: Sequence[Measured], facts: Mapping[str, str]) -> str:
    """The whole report."""
    texts = " or ".join(dict.fromkeys(one.member.language.text for one in family))
    introduction = _INTRODUCTION.format(text=texts)
    parts = ["# Seeds, sizes and architectures", "", introduction, "", _PRIMARY, ""]
    for title, name, table in (
        ("Models", "models", models_table(family)),
        ("The paper's observations", "observations", observations_table(family)),
        ("Condition by condition", "conditions", conditions_table(family)),
        ("The primary path", "table1", primary_table(family)),
        ("The path of rank 1", "own", rank_1_table(family)),
        ("Where the number waits", "routes", routes_table(family)),
        ("Nodes held at their means", "held", held_table(family)),
        ("The subject changes its number", "patches", patches_table(family)),
    ):
        parts += [f"## {title}", "", as_markdown(table), "", _LEGENDS[name], ""]
    parts += ["## This run", "", *(f"- {name}: {value}" for name, value in facts.items())]
    return "\n".join(parts) + "\n"


def all_lines(family: Sequence[Measured], name: str) -> tuple[list[str], list[list[object]]]:
    """One file of all models: their lines, with the model's name before each."""
    if name not in FILES:
        raise KeyError(name)
    header: list[str] = []
    lines = []
    for one in family:
        for line in one.lines[name]:
            # Lines that were read from such a file have these columns already.
            named = {"group": one.member.group, "seed": one.member.seed} | dict(line)
            header = list(named)
            lines.append(list(named.values()))
    return header, lines


def answers_csv(family: Sequence[Measured]) -> tuple[list[str], list[list[object]]]:
    """Every verdict of every model, condition by condition."""
    header = ["group", "seed", "observation", "hypothesis", "task", "condition", "verdict"]
    lines: list[list[object]] = [
        [
            a.member.group,
            a.member.seed,
            a.hypothesis.observation,
            a.hypothesis.statement,
            a.task,
            a.condition,
            a.verdict.value,
        ]
        for a in answers(family)
    ]
    return header, lines


def models_table(family: Sequence[Measured]) -> Table:
    """The groups, with what their models can do."""
    lines = []
    for name, group in groups(family).items():
        parameters = jax.tree.leaves(nnx.state(group[0].member.untrained(), nnx.Param))
        lines.append(
            (
                name,
                ", ".join(str(one.member.seed) for one in group),
                f"{sum(p.size for p in parameters):,}",
                str(Spread.over(one.lowest_accuracy for one in group)),
            )
        )
    return ("group", "seeds", "parameters", "accuracy"), lines


def observations_table(family: Sequence[Measured]) -> Table:
    """Hypotheses by groups."""
    by_group = groups(family)
    lstms = [one for one in family if one.member.kind.name == "lstm"]
    lines = []
    for hypothesis in HYPOTHESES:
        cells = [in_short(models_that_say(hypothesis, group)) for group in by_group.values()]
        common = what_it_is(models_that_say(hypothesis, lstms)) if lstms else "-"
        lines.append((str(hypothesis.observation), hypothesis.statement, *cells, common))
    return ("obs.", "hypothesis", *by_group, "LSTMs"), lines


def conditions_table(family: Sequence[Measured]) -> Table:
    """Verdicts by hypothesis, task and condition."""
    found = answers(family)
    by_group = groups(family)
    keys = dict.fromkeys((a.hypothesis.statement, a.task, a.condition) for a in found)
    counts: dict[tuple[str, str, str, str], Counter[Verdict]] = {}
    for a in found:
        key = a.hypothesis.statement, a.task, a.condition, a.member.group
        counts.setdefault(key, Counter())[a.verdict] += 1
    order = [h.statement for h in HYPOTHESES]
    lines = [
        (
            statement,
            f"{task} {condition}",
            *(_three(counts.get((statement, task, condition, g), Counter())) for g in by_group),
        )
        for statement, task, condition in sorted(keys, key=lambda k: order.index(k[0]))
    ]
    return ("hypothesis", "condition", *by_group), lines


def _three(counts: Counter[Verdict]) -> str:
    return "/".join(str(counts[v]) for v in _LETTERS)


def primary_table(family: Sequence[Measured]) -> Table:
    """The spread of share, t, rank and magnitude, condition by condition and group by group."""
    lines = []
    for key in conditions(family):
        role, task, condition = key
        for name, group in groups(family).items():
            rank = spread(group, key, "rank")
            lines.append(
                (
                    f"{task} {condition}, {role}",
                    name,
                    *(str(spread(group, key, number)) for number in ("share", "t")),
                    f"{rank.median:g} [{rank.low:g}, {rank.high:g}]",
                    str(spread(group, key, "magnitude")),
                    str(spread(group, key, "magnitude", model="untrained")),
                )
            )
    return ("condition", "group", "share", "t", "rank", "magnitude", "untrained"), lines


def rank_1_table(family: Sequence[Measured]) -> Table:
    """How many models agree on the path of rank 1."""
    by_group = groups(family)
    lines = []
    for key in conditions(family):
        cells = []
        for group in by_group.values():
            lines_of = [r for one in group for r in one.rows() if _key(r) == key]
            first = sum(float(r["rank"]) == 1 for r in lines_of)
            different = len({r["largest"] for r in lines_of})
            cells.append(f"{first} of {len(lines_of)}; {different}")
        role, task, condition = key
        lines.append((f"{task} {condition}, {role}", *cells))
    return ("condition", *by_group), lines


def _key(line: Mapping[str, str]) -> tuple[str, str, str]:
    return line["role"], line["task"], line["condition"]


def routes_table(family: Sequence[Measured]) -> Table:
    """What classes of paths carry, as fractions of the total."""
    by_group = groups(family)
    keys = dict.fromkeys((r["task"], r["route"]) for one in family for r in one.lines["routes.csv"])
    lines = []
    for task, route in keys:
        cells = [
            str(Spread.over(_fraction(one, task, route) for one in group))
            for group in by_group.values()
        ]
        lines.append((task, route, *cells))
    return ("task", "route", *by_group), lines


def _fraction(one: Measured, task: str, route: str) -> float:
    chosen = [r for r in one.lines["routes.csv"] if (r["task"], r["route"]) == (task, route)]
    return mean(float(r["influence"]) / float(r["total"]) for r in chosen)


def held_table(family: Sequence[Measured]) -> Table:
    """Accuracy with the nodes of the primary path held, and with others."""
    by_group = groups(family)
    lines = []
    for task in dict.fromkeys(r["task"] for one in family for r in one.lines["table2.csv"]):
        for what in ("model as it is", "primary path held", "as many at random"):
            cells = [
                str(Spread.over(_accuracy(one, task, what) for one in group))
                for group in by_group.values()
            ]
            lines.append((task, what, *cells))
    return ("task", "held", *by_group), lines


def _accuracy(one: Measured, task: str, what: str) -> float:
    lines = [r for r in one.lines["table2.csv"] if r["task"] == task]
    n_gates = next(r["n_kept"] for r in lines if r["scheme"] == "Cs")
    scheme = {
        "model as it is": "C",
        "primary path held": "all but Cs",
        "as many at random": f"all but CR{n_gates}",
    }[what]
    return mean(float(r["accuracy"]) for r in lines if r["scheme"] == scheme)


def patches_table(family: Sequence[Measured]) -> Table:
    """What happens when some paths alone see that the subject changes its number."""
    by_group = groups(family)
    keys = dict.fromkeys(
        (r["task"], r["paths"]) for one in family for r in one.lines["patches.csv"]
    )
    lines = []
    for task, paths in keys:
        for what in ("change", "right if they see it", "right if others do"):
            cells = [
                str(Spread.over(_patched(one, task, paths, what) for one in group))
                for group in by_group.values()
            ]
            lines.append((task, paths, what, *cells))
    return ("task", "paths", "what", *by_group), lines


def _patched(one: Measured, task: str, paths: str, what: str) -> float:
    chosen = [r for r in one.lines["patches.csv"] if (r["task"], r["paths"]) == (task, paths)]
    if what == "change":
        return mean(float(r["along"]) / float(r["whole"]) for r in chosen)
    name = "accuracy" if what == "right if they see it" else "sparing"
    return mean(float(r[name]) for r in chosen)


def mean(values: Iterable[float]) -> float:
    """Of at least one number."""
    found = list(values)
    return sum(found) / len(found)


def audit_facts(family: Sequence[Measured]) -> dict[str, str]:
    """The worst residuals by kind of model."""
    facts = {}
    for name, group in groups(family).items():
        rows = [r for one in group for model in ("trained", "untrained") for r in one.rows(model)]
        routes = [r for one in group for r in one.lines["routes.csv"]]
        facts[f"audit of {name}"] = (
            f"structural residual {max(float(r['structural']) for r in (*rows, *routes)):.1e} at "
            "worst (sum of paths against the derivative of the untouched model, relative to the "
            f"sum of absolute values); quadrature {max(float(r['quadrature']) for r in rows):.1e} "
            "(mean of a condition, relative to the change that it should give)"
        )
    return facts
