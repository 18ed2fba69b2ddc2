"""The first things that a reader sees: a few numbers, and the charts beside the paper's."""

from collections.abc import Hashable, Mapping, Sequence
from html import escape
from typing import Any

from examples.lstm_agreement.report.charts import Dot, dot_chart, legend
from examples.lstm_agreement.report.contents import Contents, Lines
from examples.lstm_agreement.report.prose import audit
from examples.lstm_agreement.tables.measure import Role
from examples.lstm_agreement.tables.paper import COMPRESSION
from examples.lstm_agreement.tables.table2 import PUBLISHED
from examples.lstm_agreement.tables.without_training import without_training


def cards(contents: Contents) -> str:
    """A few numbers in boxes."""
    tables = contents.tables
    found = []
    if accuracy := tables.get("accuracy"):
        values = [a["accuracy"] for a in accuracy]
        worst = min(accuracy, key=lambda a: a["accuracy"])
        found.append(
            _card(
                "Agreement",
                f"{sum(values) / len(values):.2f}",
                f"mean accuracy of {len(values)} conditions; lowest {worst['accuracy']:.2f} in "
                f"{worst['task']} {worst['condition']} <b>(published {worst['paper_accuracy']:.2f})"
                "</b>",
            )
        )
    rows = _trained(tables.get("table1", []), Role.SUBJECT)
    for task in ("Simple", "nounPP"):
        mine = [r for r in rows if r["task"] == task]
        if mine:
            t = _span([r["t"] for r in mine])
            ranks = _span([r["rank"] for r in mine], "{:,.0f}")
            published = _span([r["paper_share"] for r in mine])
            found.append(
                _card(
                    f"Primary path, {task}",
                    _span([r["share"] for r in mine]),
                    f"of the positive influence <b>(published {published})</b>; t {t}, rank "
                    f"{ranks} of {mine[0]['n_paths']:,}",
                )
            )
    if contents.hypotheses:
        words = [h["found"].split(" (")[0] for h in contents.hypotheses]
        counts = {w: words.count(w) for w in ("holds", "partly", "does not hold", "open")}
        text = ", ".join(f"{n} {w}" for w, n in counts.items() if n)
        found.append(
            _card("Hypotheses", f"{counts['holds']} of {len(words)}", f"hold everywhere ({text})")
        )
    if checks := audit(contents):
        name, worst = next(iter(checks.items()))
        gap = checks.get("quadrature residual", "-").split(" ")[0]
        found.append(
            _card(
                "Audit", worst.split(" ")[0], f"{escape(name)}, at worst; quadrature misses {gap}"
            )
        )
    return f'<div class="cards">{"".join(found)}</div>'


def _card(title: str, number: str, text: str) -> str:
    return (
        f'<div class="card"><h3>{escape(title)}</h3><p class="big">{escape(number)}</p>'
        f'<p class="small">{text}</p></div>'
    )


def _span(values: Sequence[float], form: str = "{:.2f}") -> str:
    ends = [form.format(v) for v in (min(values), max(values))]
    return ends[0] if ends[0] == ends[1] else " to ".join(ends)


def _trained(rows: Lines, role: Role) -> Lines:
    return [r for r in rows if r["model"] == "trained" and r["role"] == role.value]


def charts(contents: Contents) -> str:
    """Measured numbers beside the published ones."""
    rows = contents.tables.get("table1", [])
    drawn = []
    for role, whose in ((Role.SUBJECT, "subject"), (Role.INTERVENING, "noun between")):
        mine = _trained(rows, role)
        for field, name in (("share", "Share of influence of its sign"), ("t", "t-value")):
            title = f"{name}, primary path from the {whose}"
            drawn.append((title, [_dot(r, field, f"paper_{field}") for r in mine], True))
    control = _untrained(rows, Role.SUBJECT)
    dots = [
        _dot(r, "magnitude", None, control.get((r["task"], r["condition"])))
        for r in _trained(rows, Role.SUBJECT)
    ]
    drawn.append(("Share of all absolute influence, from the subject", dots, True))
    accuracy = [
        Dot(f"{a['task']} {a['condition']}", *[a["accuracy"]] * 3, a["paper_accuracy"])
        for a in contents.tables.get("accuracy", [])
    ]
    drawn.append(("Accuracy", accuracy, True))
    for task in ("nounPP", "nounPPAdv"):
        mine = [r for r in contents.tables.get("table2", []) if r["task"] == task]
        dots = _schemes(mine, task)
        title = f"Accuracy with gates held at their means, {task}, mean of all conditions"
        drawn.append((title, dots, False))
    boxes = "".join(
        f'<figure class="chart-card">{dot_chart(title, dots, grouped=grouped)}</figure>'
        for title, dots, grouped in drawn
        if dots
    )
    return f'{legend(untrained=bool(control))}<div class="charts">{boxes}</div>' if boxes else ""


def _dot(
    row: Mapping[str, Any], field: str, published: str | None, untrained: float | None = None
) -> Dot:
    ends = [row[field + end] for end in ("", "_low", "_high")]
    beside = None if published is None else row[published]
    return Dot(f"{row['task']} {row['condition']}", *ends, beside, untrained)


def _untrained(rows: Lines, role: Role) -> dict[Hashable, float]:
    """The mean magnitude over the untrained models, by task and condition."""
    mine = (r for r in rows if r["role"] == role.value)
    spreads = without_training(
        (r["model"], (r["task"], r["condition"]), r["magnitude"]) for r in mine
    )
    return {key: spread.mean for key, spread in spreads.items()}


def _schemes(rows: Lines, task: str) -> list[Dot]:
    """The paper's schemes and random gates of as many, means over conditions of a task."""
    # The means that the paper prints; those of its rounded cells may be a hundredth off.
    printed = dict(zip(map(str, PUBLISHED), COMPRESSION[task, "mean"], strict=True))
    names = [str(s) for s in PUBLISHED] + ["all but CR2", "all but CR4", "all but CFsi", "CFsi"]
    dots = []
    for name in names:
        mine = [r for r in rows if r["scheme"] == name]
        if not mine:
            continue
        mean = sum(r["accuracy"] for r in mine) / len(mine)
        dots.append(Dot(name, mean, mean, mean, printed.get(name)))
    return dots
