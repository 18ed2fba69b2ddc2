"""Every case passes every check, and a case that breaks the contract fails the check meant for it.

A new adapter or model is a case in a file `cases_*.py`.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import pathflow as pf
from tests.contract import _checks as checks
from tests.contract._broken import BROKEN
from tests.contract._digests import digests
from tests.contract._registry import CASES

every_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


@every_case
def test_names_are_those_stated(case):
    checks.check_names(case)


@every_case
def test_there_are_as_many_paths_as_stated(case):
    checks.check_paths(case)


@every_case
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_paths_sum_to_the_derivative_of_the_untouched_function(case, dtype):
    checks.check_conservation(case, dtype)


@every_case
def test_jit_is_eager(case):
    checks.check_jit(case)


@every_case
def test_a_batch_is_its_examples(case):
    checks.check_batch(case)


@every_case
def test_vmap_is_a_loop(case):
    checks.check_vmap(case)


@every_case
def test_a_second_trace_is_the_first(case):
    checks.check_retrace(case)


@pytest.fixture(scope="module")
def elsewhere():
    """The digests in another process with another hash seed, and those here."""
    seed = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
    done = subprocess.run(
        [sys.executable, "-m", "tests.contract._digests"],
        check=True,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        env=os.environ | {"PYTHONHASHSEED": seed},
    )
    return json.loads(done.stdout), digests()


def test_another_process_finds_the_same_graphs(elsewhere):
    there, here = elsewhere
    # Eight names have 40320 orders, so the same one twice would be chance.
    assert there["unordered"] != here["unordered"]
    assert {n: there[n] for n in CASES} == {n: here[n] for n in CASES}


@pytest.mark.parametrize(
    ("name", "check"),
    [
        ("another name", checks.check_names),
        ("one name too many", checks.check_names),
        ("another number of paths", checks.check_paths),
        ("another function's total", lambda c: checks.check_conservation(c, "float64")),
        ("another function's total", lambda c: checks.check_conservation(c, "float32")),
        ("impure", lambda c: checks.check_conservation(c, "float64")),
        ("impure", lambda c: checks.check_conservation(c, "float32")),
        ("rounding", lambda c: checks.check_conservation(c, "float64")),
        ("rounding", lambda c: checks.check_conservation(c, "float32")),
        ("renaming", checks.check_jit),
        ("impure", checks.check_jit),
        ("crowded", checks.check_batch),
        ("renaming", checks.check_vmap),
        ("crowded", checks.check_vmap),
        ("renaming", checks.check_retrace),
        ("drifting", checks.check_retrace),
    ],
)
def test_a_broken_case_fails(name, check):
    # What changes from trace to trace is refused before a check sees it.
    with pytest.raises((AssertionError, pf.ChangingFunctionError)):
        check(BROKEN[name])
