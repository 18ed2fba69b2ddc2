"""Files of the study: sentences, templates, tables of entries."""

from pathlib import Path

from hypothesis import strategies as st

from examples.lstm_agreement.concepts.winogender import read_templates
from examples.lstm_agreement.errors import StudyError
from examples.lstm_agreement.train.evaluation import read_pairs
from pathflow import PathflowError
from tests.fuzz._mutations import HOSTILE_TEXTS, edited_texts
from tests.fuzz._parser import Parser

_PAIRS = (
    "the key is\tsing_plur\tcorrect\t1\nthe key are\tsing_plur\twrong\t1\n",
    "a b c\tsing\tcorrect\t7\na b d\tsing\twrong\t7\nx y\tplur\tcorrect\t8\nx z\tplur\twrong\t8\n",
)
_TEMPLATES = (
    (
        "occupation\tparticipant\tmeant\tsentence\n"
        "nurse\tpatient\t0\tThe $OCCUPATION told the $PARTICIPANT that $NOM_PRONOUN could pay.\n"
    ),
)
_PIECES = (
    "\t", "\n", "\r", "\u2028", " ", "correct", "wrong", "_", "__", "$", "$OCCUPATION",
    "$NOM_PRONOUN", "0", "1", *HOSTILE_TEXTS,
)  # fmt: skip


def _files(seeds: tuple[str, ...]) -> st.SearchStrategy[bytes]:
    return edited_texts(seeds, _PIECES).map(lambda t: t.encode("utf-8", "surrogatepass"))


def _read_pairs(content: bytes, folder: Path) -> None:
    (folder / "simple.txt").write_bytes(content)
    for pair in read_pairs(folder / "simple.txt"):
        assert pair.correct != pair.wrong


def _read_templates(content: bytes, folder: Path) -> None:
    (folder / "templates.tsv").write_bytes(content)
    for template in read_templates(folder / "templates.tsv"):
        assert 0 <= template.position < len(template.tokens)


_REFUSALS = (PathflowError, StudyError)
PARSERS = (
    Parser("task files", lambda: _files(_PAIRS), _read_pairs, 60, _REFUSALS, 10**5),
    Parser("templates", lambda: _files(_TEMPLATES), _read_templates, 60, _REFUSALS, 10**5),
)
