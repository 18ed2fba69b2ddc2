"""The page of the documentation about what the study found."""

import re
from collections.abc import Mapping, Sequence
from importlib.resources import files

from examples.lstm_agreement.errors import StudyError
from examples.lstm_agreement.report import shipped
from examples.lstm_agreement.report.parts import part_numbers
from examples.lstm_agreement.tables.measure import Role
from examples.lstm_agreement.tables.paired import TRAINED_OVER_UNTRAINED


def study_page(models: Mapping[str, shipped.Results]) -> str:
    """The whole page, every number of it from the shipped tables; its words are in `study_page.md`.

    Arguments:
        models: results by the models' names.
    """
    counts = "\n".join(
        f"| `{name}` | {_MODELS[name]} | {shipped.n_sentences(m)} |" for name, m in models.items()
    )
    worst = max(r["structural"] for m in models.values() for r in m.tables["table1"])
    gap = max(r["quadrature"] for m in models.values() for r in m.rows(Role.SUBJECT))
    template = files(__package__).joinpath("study_page.md").read_text(encoding="utf-8")
    return template.format(
        counts=counts,
        accuracy=shipped.accuracy_table(models),
        subject=shipped.path_table(models, Role.SUBJECT),
        noun=shipped.path_table(models, Role.INTERVENING),
        control=shipped.control_table(models),
        held=shipped.held_table(models, "nounPP"),
        held_adverb=shipped.held_table(models, "nounPPAdv"),
        neurons=shipped.neuron_table(models),
        hypotheses=shipped.hypothesis_table(models),
        structural=f"{worst:.1e}",
        quadrature=f"{gap:.1%}",
        more_words=_more_words(),
        **_without_training(models),
        **_of_simple(models),
        **part_numbers(),
    )


# Of the published model: Wikipedia, forty times.
_PUBLISHED_WORDS = 40 * 83e6


def words_ratio(name: str) -> str:
    """How many times as many words the published model read as a shipped one did."""
    card = (shipped.STUDY / "checkpoints" / f"{name}.md").read_text(encoding="utf-8")
    found = re.search(r"^\| words_seen \| (\d+) \|$", card, re.MULTILINE)
    if found is None:
        raise StudyError(f"the card of {name} does not say how many words it read.")
    return f"{_PUBLISHED_WORDS / int(found[1]):.0f}"


def _more_words() -> str:
    english, decayed, tiny = (words_ratio(name) for name in ("english", "decayed", "tiny"))
    return f"{english} (`english`), {decayed} (`decayed`) and {tiny} (`tiny`)"


def _without_training(models: Mapping[str, shipped.Results]) -> dict[str, str]:
    differences = [
        d
        for m in models.values()
        for d in m.tables["differences"]
        if d["what"] == TRAINED_OVER_UNTRAINED
    ]
    below = sum(d["difference_high"] < 0 for d in differences)
    untrained = [
        r["t"]
        for m in models.values()
        for r in m.tables["table1"]
        if (r["model"] != "trained", r["role"]) == (True, Role.SUBJECT.value)
    ]
    spans = {f"t_{name}": [r["t"] for r in m.rows(Role.SUBJECT)] for name, m in models.items()}
    return {
        "fallen": f"All {below}" if below == len(differences) else f"{below} of {len(differences)}",
        "untrained_t": _ends(untrained),
        **{name: _ends(values) for name, values in spans.items()},
        "above_half": _above_half(spans["t_english"]),
    }


def _above_half(values: Sequence[float]) -> str:
    n_above = sum(v > 0.5 for v in values)
    return f"above a half in {n_above} of {len(values)} conditions" if n_above else "below a half"


def _ends(values: Sequence[float]) -> str:
    return f"{min(values):.2f} to {max(values):.2f}"


def _of_simple(models: Mapping[str, shipped.Results]) -> dict[str, str]:
    rows = {name: m.row(Role.SUBJECT, "Simple", "S") for name, m in models.items()}
    return {
        **{f"share_{name}": f"{r['share']:.2f}" for name, r in rows.items()},
        "share_paper": f"{rows['tiny']['paper_share']:.2f}",
    }


_MODELS = {
    "tiny": "2 x 64 units, 286 words, a template grammar",
    "decayed": "2 x 200 units, 10,000 words, English Wikipedia, decaying weights",
    "english": "2 x 200 units, 10,000 words, English Wikipedia",
}
