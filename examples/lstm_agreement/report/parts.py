"""The main numbers of the study's other parts, from their shipped tables."""

import re
import statistics
from collections.abc import Sequence
from pathlib import Path

from examples.lstm_agreement.clauses.across import ALL
from examples.lstm_agreement.clauses.crossing import STATES
from examples.lstm_agreement.errors import StudyError
from examples.lstm_agreement.report import shipped
from examples.lstm_agreement.report.contents import Lines, read_table

_FAMILY = shipped.STUDY / "results" / "family"
# Its path is chosen by the trained model, those of the others by the paper.
CHOSEN = "transformer-64"
# What is linked under which words; from the page's folder, and not from its template's.
_LINKS = {
    "words": ("All of them, in words", "README.md"),
    "far": ("How far", "results/tiny/context.md"),
    "across": ("Across a clause", "results/tiny/clauses.md"),
    "others": ("Other concepts", "results/concepts.md"),
    "law": ("One training, or a law", "results/family/family.md"),
    "methods": ("Other methods", "results/tiny/rivals.md"),
}


def part_numbers() -> dict[str, str]:
    """What the page about the study fills in, by name."""
    tiny, decayed, english = (shipped.RESULTS[m] for m in ("tiny", "decayed", "english"))
    return {
        **{
            f"link_{name}": f"[{words}](../examples/lstm_agreement/{file})"
            for name, (words, file) in _LINKS.items()
        },
        **_context(read_table(tiny / "context.csv")),
        **_exchanges(read_table(tiny / "concepts_paths.csv")),
        "clauses": f"{_clauses(tiny)} in `tiny`, {_clauses(decayed)} in `decayed` and "
        f"{_clauses(english)} in `english`",
        **_concepts(*(read_table(m / "concepts_paths.csv") for m in (english, decayed))),
        **_rivals(read_table(tiny / "rivals_methods.csv")),
        **_family(_family_lines("table1"), _family_lines("patches")),
    }


def family_table() -> str:
    """In how many models of the family each observation holds, as its summary says.

    Raises:
        StudyError: the summary has no such table.
    """
    text = (_FAMILY / "family.md").read_text(encoding="utf-8")
    found = re.search(r"## The paper's observations\n\n((?:\|.*\n)+)", text)
    if found is None:
        raise StudyError("family.md has no table of the paper's observations.")
    # The last column sums up the others.
    header, _, *lines = (
        [cell.strip() for cell in line.strip("|").split("|")][:-1] for line in found[1].splitlines()
    )
    marked = [f"{name} *" if name == CHOSEN else name for name in header]
    return shipped.short_markdown(marked, lines, len(header))


def states_table() -> str:
    """What the outer number is in before an inner verb: influence and exchange, all conditions."""
    lines = []
    for name, folder in shipped.RESULTS.items():
        found = {
            (r["task"], r["name"]): r
            for r in read_table(folder / "clauses_across.csv")
            if (r["kind"], r["condition"]) == ("before", ALL) and "relative" in r["task"]
        }
        for task in dict.fromkeys(key[0] for key in found):
            cells = (
                f"{found[task, s]['fraction']:.2f} / {found[task, s]['exchanged_fraction']:.2f}"
                for s in STATES
            )
            lines.append([f"`{name}`", task, *cells])
    return shipped.short_markdown(["model", "task", *STATES], lines)


def _family_lines(name: str) -> Lines:
    return read_table(_only(sorted(_FAMILY.glob(f"*{name}.csv"))))


def _only(files: Sequence[Path]) -> Path:
    if len(files) != 1:
        raise StudyError(f"{_FAMILY} holds {len(files)} files of one table; expected one.")
    return files[0]


def _context(lines: Lines) -> dict[str, str]:
    spans = {n: [r["share"] for r in lines if r["n_words"] == n] for n in (3, 12)}
    return {
        "context_three": _span(spans[3]),
        "context_twelve": _span(spans[12], "{:.1g}"),
        "context_sentences": str(lines[0]["n_sentences"]),
    }


def _exchanges(lines: Lines) -> dict[str, str]:
    mine = [
        r
        for r in lines
        if (r["concept"], r["model"], r["task"]) == ("number of the verb", "trained", "nounPP")
    ]
    return {"exchanged_tiny": _span([r["along_primary"] for r in mine])}


def _clauses(folder: Path) -> str:
    """The primary path's share in relative clauses."""
    lines = read_table(folder / "clauses_paths.csv")
    return _span(
        [
            r["share"]
            for r in lines
            if (r["model"], r["role"]) == ("trained", "subject") and "relative" in r["task"]
        ]
    )


def _concepts(english: Lines, decayed: Lines) -> dict[str, str]:
    mine, other = (
        [r for r in lines if (r["concept"], r["model"]) == ("number of a reflexive", "trained")]
        for lines in (english, decayed)
    )
    own = [r for r in other if r["task"].startswith("reflexive")]
    return {
        "reflexive_primary": f"{max(r['along_primary'] for r in mine):.3f}",
        "reflexive_largest": _span([r["along_largest"] for r in mine]),
        "reflexive_first": f"{sum(r['rank'] == 1 for r in own)} of {len(own)} conditions",
        "reflexive_decayed": _span([r["along_primary"] for r in own]),
    }


def _rivals(lines: Lines) -> dict[str, str]:
    size = {r["what"]: f"{r['size']:.2f}" for r in lines}
    return {
        "rival_paths": size["paths, all"],
        "rival_gradients": size["integrated gradients"],
        "rival_primary": size["paths, primary"],
    }


def _family(table1: Lines, patches: Lines) -> dict[str, str]:
    mine = [r for r in table1 if (r["model"], r["role"]) == ("trained", "subject")]
    groups = ("lstm-32", "lstm-64", "lstm-128")
    shares = [
        statistics.median(
            r["share"] for r in mine if (r["group"], *_key(r)) == (group, "Simple", "S")
        )
        for group in groups
    ]
    ranks = {
        group: sorted(r["rank"] for r in mine if (r["group"], *_key(r)) == (group, "nounPP", "PP"))
        for group in groups
    }
    along = [
        r["along"] / r["whole"]
        for r in patches
        if r["group"] in groups and (r["paths"], r["task"]) == ("primary", "nounPP")
    ]
    return {
        "family_shares": "{:.2f}, {:.2f} and {:.2f}".format(*shares),
        "family_ranks": "; ".join(
            f"{', '.join(f'{n:,}' for n in found)} ({group.removeprefix('lstm-')} units)"
            for group, found in ranks.items()
        ),
        "family_exchanged": _span(along),
        "family_seeds": ", ".join(
            f"{len(r)} of {g.removeprefix('lstm-')}" for g, r in ranks.items()
        ),
    }


def _key(row: dict[str, object]) -> tuple[object, object]:
    return row["task"], row["condition"]


def _span(values: Sequence[float], form: str = "{:.2f}") -> str:
    # What rounds to zero has no sign.
    low, high = (
        form.format(round(v, 9) + 0.0).replace("-0.00", "0.00") for v in (min(values), max(values))
    )
    return low if low == high else f"{low} to {high}"
