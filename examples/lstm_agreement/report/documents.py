"""The documents that hold shipped numbers: `python -m examples.lstm_agreement.report.documents`.

`docs/agreement_study.md` is written whole; in the two READMEs, what stands between the marks of a
table is replaced.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from examples.lstm_agreement.console.text import write_text
from examples.lstm_agreement.errors import StudyError
from examples.lstm_agreement.report import shipped
from examples.lstm_agreement.report.parts import family_table, states_table
from examples.lstm_agreement.report.rivals import rival_tables
from examples.lstm_agreement.report.study_page import study_page

ROOT = shipped.STUDY.parents[1]
PAGE = ROOT / "docs" / "agreement_study.md"
_MARK = re.compile(r"(<!-- table: (\S+) -->\n).*?(\n<!-- end of table -->)", re.DOTALL)


def documents() -> Iterator[tuple[Path, str]]:
    """Every document that holds shipped numbers, as it should be.

    Raises:
        StudyError: a document asks for a table that there is not.
    """
    models = shipped.read_all()
    yield PAGE, study_page(models)
    made = {
        "subject": shipped.subject_table(models["english"], steps=True),
        "subject-short": shipped.subject_table(models["english"], steps=False),
        "held": shipped.held_table(models, "nounPP"),
        "hypotheses": shipped.hypothesis_table(models),
        "family": family_table(),
        "states": states_table(),
        **{
            f"{model}-{name}": text
            for model in ("tiny", "decayed")
            for name, text in rival_tables(shipped.RESULTS[model]).items()
        },
    }
    for file in (shipped.STUDY / "README.md", ROOT / "README.md"):
        text = file.read_text(encoding="utf-8")
        if unknown := {name for _, name, _ in _MARK.findall(text)} - set(made):
            raise StudyError(f"{file} asks for tables that are not made: {', '.join(unknown)}.")
        yield file, _MARK.sub(lambda m: f"{m[1]}{made[m[2]]}{m[3]}", text)


def main() -> int:
    """Writes the documents.

    Returns:
        0, or 1 where a table is missing.
    """
    try:
        for file, text in documents():
            write_text(file, text)
            print(f"wrote {file}")
    except (StudyError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
