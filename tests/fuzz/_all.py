"""All parsers."""

from tests.fuzz import _models

PARSERS = (*_models.PARSERS,)
