"""All parsers."""

from tests.fuzz import _commands, _labels, _models, _runs, _study, _texts

PARSERS = (
    *_models.PARSERS,
    *_runs.PARSERS,
    *_texts.PARSERS,
    *_labels.PARSERS,
    *_commands.PARSERS,
    *_study.PARSERS,
)
