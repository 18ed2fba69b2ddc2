"""The page of the documentation about what the study found."""

from collections.abc import Mapping
from importlib.resources import files

from examples.lstm_agreement.report import shipped
from examples.lstm_agreement.tables.measure import Role


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
    )


_MODELS = {
    "tiny": "2 x 64 units, 286 words, a template grammar",
    "decayed": "2 x 200 units, 10,000 words, English Wikipedia, decaying weights",
    "english": "2 x 200 units, 10,000 words, English Wikipedia",
}
