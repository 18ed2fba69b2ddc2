"""All cases: the `CASES` of every module `cases_*.py` beside this one."""

import importlib
from pathlib import Path

from tests.contract._case import Case


def all_cases() -> dict[str, Case]:
    """The cases by their names, in the order of the files."""
    found: dict[str, Case] = {}
    for file in sorted(Path(__file__).parent.glob("cases_*.py")):
        for case in importlib.import_module(f"tests.contract.{file.stem}").CASES:
            assert case.name not in found, case.name
            found[case.name] = case
    return found


CASES = all_cases()
