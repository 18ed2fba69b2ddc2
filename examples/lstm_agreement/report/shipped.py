"""The tables of the documents, made from the shipped results, so that no number is copied by
hand.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from examples.lstm_agreement.console.text import as_markdown
from examples.lstm_agreement.hypotheses import HYPOTHESES as ASKED
from examples.lstm_agreement.hypotheses import Tables, summary
from examples.lstm_agreement.report.contents import Lines, read_table
from examples.lstm_agreement.tables.measure import Role
from examples.lstm_agreement.tables.paired import TRAINED_OVER_UNTRAINED
from examples.lstm_agreement.tables.paper import COMPRESSION
from examples.lstm_agreement.tables.table2 import PUBLISHED
from examples.lstm_agreement.tables.without_training import TRAINED, without_training

STUDY = Path(__file__).parents[1]
RESULTS = {
    "tiny": STUDY / "results" / "tiny",
    "decayed": STUDY / "results" / "decayed",
    "english": STUDY / "results",
}
Cells = Sequence[Sequence[str]]


class Results:
    """The shipped tables of a model.

    Arguments:
        folder: where they are.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        names = ("accuracy", "table1", "table2", "neurons", "ablations", "differences")
        self.tables: dict[str, Lines] = {name: read_table(folder / f"{name}.csv") for name in names}

    def rows(self, role: Role, model: str = "trained") -> Lines:
        """Lines of Table 1."""
        return [r for r in self.tables["table1"] if (r["model"], r["role"]) == (model, role.value)]

    def row(self, role: Role, task: str, condition: str) -> Mapping[str, Any]:
        """The trained model's line of one condition."""
        return next(r for r in self.rows(role) if (r["task"], r["condition"]) == (task, condition))

    def accuracy(self, task: str, condition: str) -> float:
        """Of the model as it is."""
        return next(
            a["accuracy"]
            for a in self.tables["accuracy"]
            if (a["task"], a["condition"]) == (task, condition)
        )

    def held(self, task: str, scheme: str) -> tuple[float, int] | None:
        """Mean accuracy over the conditions under a scheme, and how many gates it keeps."""
        mine = [r for r in self.tables["table2"] if (r["task"], r["scheme"]) == (task, scheme)]
        if not mine:
            return None
        return sum(r["accuracy"] for r in mine) / len(mine), mine[0]["n_kept"]

    def magnitude_untrained(self, task: str, condition: str) -> float:
        """Mean share of the subject's primary path in all absolute influence, without training."""
        key = Role.SUBJECT.value, task, condition
        found = without_training(
            (r["model"], (r["role"], r["task"], r["condition"]), r["magnitude"])
            for r in self.tables["table1"]
        )
        return found[key].mean


def read_all() -> dict[str, Results]:
    """The results of all shipped models."""
    return {name: Results(folder) for name, folder in RESULTS.items()}


def short_markdown(header: Sequence[str], lines: Cells, n_words: int = 2) -> str:
    """A table whose first columns are words, as the documents have it."""
    return as_markdown((header, lines), n_words=n_words, padded=False)


def number(value: float | None, form: str = "{:.2f}") -> str:
    """A number, or a dash."""
    return "-" if value is None else form.format(value)


def short_label(path: str, *, steps: bool = True) -> str:
    """A path's label with runs of one node drawn together, and a step only where it changes.

    Example:
        >>> short_label("x@1 o0@1 h0@1 g0@2 c0@2 c0@3 h0@3 qoi")
        'x@1 o0 h0 g0@2 c0@2…3 h0 qoi'
    """
    nodes = [node.partition("@") for node in path.split()]
    if not steps:
        return " ".join(name for name, _, _ in nodes)
    parts, at, i = [], "", 0
    while i < len(nodes):
        name, _, step = nodes[i]
        end = i
        while end + 1 < len(nodes) and nodes[end + 1][0] == name:
            end += 1
        last = nodes[end][2]
        if end > i:
            parts.append(f"{name}@{step}…{last}")
        else:
            parts.append(name if step in ("", at) else f"{name}@{step}")
        at, i = last or at, end + 1
    return " ".join(parts)


def subject_table(results: Results, *, steps: bool) -> str:
    """The paper's conditions from the subject, as in the READMEs."""
    header = ["task", "C", "accuracy", "P+ (paper)", "paths", "share of the primary path (paper)"]
    header += ["t (paper)", "path of rank 1", "its share"]
    lines = []
    for r in results.rows(Role.SUBJECT):
        accuracy = results.accuracy(r["task"], r["condition"])
        beside = [f"{r[k]:.2f} ({number(r[f'paper_{k}'])})" for k in ("p_plus", "share", "t")]
        path = f"`{short_label(r['largest'], steps=steps)}`"
        counts = [f"{accuracy:.2f}", beside[0], f"{r['n_paths']:,}"]
        largest = [path, f"{r['largest_share']:.2f}"]
        lines.append([r["task"], r["condition"], *counts, *beside[1:], *largest])
    table = short_markdown(header, lines)
    # The path is a word.
    return table.replace("| ---: | ---: |\n", "| --- | ---: |\n", 1)


_SCHEMES = (
    ("C", "none held"),
    ("all but Cs", "all but Cs"),
    ("all but Ci", "all but Ci"),
    ("all but Csi", "all but Csi"),
    ("all but CR2", "2 random"),
    ("all but CR4", "4 random"),
    ("Csi", "Csi alone"),
    ("Cs", "Cs alone"),
    ("Ci", "Ci alone"),
)


def held_table(models: Mapping[str, Results], task: str) -> str:
    """Means of Table 2 over the conditions of a task, model by model."""
    header = ["model", *(title for _, title in _SCHEMES)]
    header += ["gates of the subject's paths of rank 1 held (how many)", "they alone"]
    # The means that the paper prints; those of its rounded cells may be a hundredth off.
    published = dict(zip(map(str, PUBLISHED), COMPRESSION[task, "mean"], strict=True))
    lines = [["published", *(number(published.get(s)) for s, _ in _SCHEMES), "-", "-"]]
    for name, results in models.items():
        cells = [f"`{name}`"]
        for scheme, _ in _SCHEMES:
            found = results.held(task, scheme)
            cells.append(number(None if found is None else found[0]))
        own, alone = results.held(task, "all but CFs"), results.held(task, "CFs")
        cells.append("-" if own is None or alone is None else f"{own[0]:.2f} ({alone[1]})")
        cells.append(number(None if alone is None else alone[0]))
        lines.append(cells)
    return short_markdown(header, lines, 1)


def hypothesis_table(models: Mapping[str, Results]) -> str:
    """The paper's observations, asked of every model."""
    read = {name: Tables.read(results.folder) for name, results in models.items()}
    lines = [
        [h.observation, h.statement, *(summary(list(h.ask(t))) for t in read.values())]
        for h in ASKED
    ]
    header = ["obs.", "hypothesis", *models]
    return short_markdown(header, lines, len(header))


def accuracy_table(models: Mapping[str, Results]) -> str:
    """Accuracy of every model beside the published one's."""
    first = next(iter(models.values())).tables["accuracy"]
    lines = [
        [a["task"], a["condition"], f"{a['paper_accuracy']:.2f}"]
        + [f"{r.accuracy(a['task'], a['condition']):.2f}" for r in models.values()]
        for a in first
    ]
    return short_markdown(["task", "C", "published", *models], lines)


def path_table(models: Mapping[str, Results], role: Role) -> str:
    """Share, t and rank of the primary path in every model, beside the paper's."""
    header = ["task", "C", "paths", "P+: paper", *models, "share: paper", *models, "t: paper"]
    header += [*models, *(f"rank: {name}" for name in models)]
    lines = []
    for r in next(iter(models.values())).rows(role):
        mine = [m.row(role, r["task"], r["condition"]) for m in models.values()]
        cells = [r["task"], r["condition"], f"{r['n_paths']:,}"]
        for field in ("p_plus", "share", "t"):
            cells.append(number(r[f"paper_{field}"]))
            cells += [f"{m[field]:.2f}" for m in mine]
        lines.append([*cells, *(f"{m['rank']:,}" for m in mine)])
    return short_markdown(header, lines)


def control_table(models: Mapping[str, Results]) -> str:
    """The primary path's share in all absolute influence, with and without training, and their
    paired difference.
    """
    header = ["task", "C"]
    for name in models:
        header += [f"`{name}`", "untrained", "difference"]
    lines = []
    for r in next(iter(models.values())).rows(Role.SUBJECT):
        key = r["task"], r["condition"]
        cells = [*key]
        for m in models.values():
            d = next(
                d
                for d in m.tables["differences"]
                if (d["what"], d["task"], d["condition"]) == (TRAINED_OVER_UNTRAINED, *key)
            )
            ends = "{:+.2f} [{:+.2f}, {:+.2f}]".format(
                *(d[f"difference{end}"] for end in ("", "_low", "_high"))
            )
            cells += [
                f"{m.row(Role.SUBJECT, *key)['magnitude']:.2f}",
                f"{m.magnitude_untrained(*key):.2f}",
                ends,
            ]
        lines.append(cells)
    return short_markdown(header, lines)


def neuron_table(models: Mapping[str, Results]) -> str:
    """The two units that carry most of the primary path, beside the paper's two."""
    header = ["task", "C", "from", "paper: units 125, 337"]
    for name, m in models.items():
        units = list(dict.fromkeys(n["unit"] for n in m.tables["neurons"]))
        header.append(f"`{name}`: units {', '.join(map(str, units))}")
    lines = []
    first = next(iter(models.values())).tables["neurons"]
    for key in dict.fromkeys((n["task"], n["condition"], n["role"]) for n in first):
        mine = [
            [n for n in m.tables["neurons"] if (n["task"], n["condition"], n["role"]) == key]
            for m in models.values()
        ]
        published = (mine[0][0]["paper_t_125"], mine[0][0]["paper_t_337"])
        lines.append(
            [key[0], key[1], key[2].removesuffix(" noun")]
            + [", ".join(number(v) for v in published)]
            + [", ".join(f"{n['t']:.2f}" for n in of_model) for of_model in mine]
        )
    return short_markdown(header, lines, 3)


def n_sentences(results: Results) -> str:
    """How many sentences per condition Table 1 and the accuracies are from."""
    trained = [r["n_sentences"] for r in results.rows(Role.SUBJECT)]
    untrained = [r["n_sentences"] for r in results.tables["table1"] if r["model"] != TRAINED]
    models = {r["model"] for r in results.tables["table1"]} - {TRAINED}
    groups = _span([a["n_sentences"] for a in results.tables["accuracy"]])
    plural = "s" if len(models) > 1 else ""
    beside = (
        f"{_span(untrained)} of {len(models)} untrained model{plural}" if models else "no other"
    )
    return f"{_span(trained)} in Table 1 (and {beside}), {groups} for accuracies and held gates"


def _span(counts: Sequence[int]) -> str:
    low, high = min(counts), max(counts)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"
