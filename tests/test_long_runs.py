"""The commands that take long count rightly what they find."""

import json
import math
from contextlib import closing
from dataclasses import replace
from itertools import islice

import pytest

from tests.many_programs._batches import batch, batches
from tests.many_programs._tally import EXACT, Tally, resumed, write
from tests.mutation import TESTS, sampled, summary


def test_a_residual_over_the_tolerance_is_a_failure():
    tally = Tally()
    tally.note("refine", EXACT, 0.5)
    assert not tally.failures
    for residual in (1.01 * EXACT, math.nan, math.inf):
        tally.note("refine", residual, 0.5)
    assert [f.split(":")[0] for f in tally.failures] == ["refine"] * 3
    assert tally.checks == {"refine": 4}
    assert tally.seconds == {"refine": 2.0}


def test_batches_add_up_and_a_stopped_run_goes_on(tmp_path):
    out = tmp_path / "made" / "figures.json"
    assert resumed(out) == resumed(None) == (Tally(), 0, 0.0)
    one, two = Tally(programs=3, refused=1, paths=9), Tally(programs=2, paths=4, failures=["x"])
    one.note("stream", 1e-16, 1.0)
    two.note("stream", 1e-15, 2.0)
    two.note("top-k", 1e-17, 4.0)
    one.add(two)
    write(out, one, 2, 7.5)
    found, batches, seconds = resumed(out)
    assert (found, batches, seconds) == (one, 2, 7.5)
    assert (found.programs, found.refused, found.paths, found.failures) == (5, 1, 13, ["x"])
    assert found.worst == {"stream": 1e-15, "top-k": 1e-17}
    assert found.checks == {"stream": 2, "top-k": 1}
    assert [p.name for p in out.parent.iterdir()] == ["figures.json"]


@pytest.mark.one_python
def test_what_is_drawn_and_found_does_not_depend_on_how_many_run_at_a_time():
    with closing(batches(5, 1, workers=2, size=2)) as more:
        found = list(islice(more, 3))
    alone = [batch(number, 1, size=2) for number in (5, 6, 7)]
    assert [replace(t, seconds={}) for t in found] == [replace(t, seconds={}) for t in alone]
    assert sum(t.programs for t in found) > 2


def test_a_sample_takes_so_many_of_every_file():
    names = [f"{file}.{i}" for file in "ab" for i in range(10)] + ["c.0"]
    files = [name[0] for name in names]
    chosen = sampled(names, files, 4, 0)
    assert [sum(name[0] == file for name in chosen) for file in "abc"] == [4, 4, 1]
    assert sampled(names, files, 4, 0) == chosen != sampled(names, files, 4, 1)
    # What other files hold does not change the sample of one.
    assert [n for n in chosen if n[0] == "a"] == sampled(names[:10], files[:10], 4, 0)
    assert sampled(names, files, 0, 0) == names


def test_what_no_test_reaches_counts_as_unnoticed(tmp_path):
    found = dict(enumerate(["killed"] * 6 + ["timeout", "no import", "survived", "no tests"]))
    (tmp_path / "graph.json").write_text(json.dumps(found))
    score, row = summary("graph", tmp_path / "graph.json")
    assert score == pytest.approx(80)
    assert row.startswith("| graph | 10 | 6 killed, 1 no import, 1 no tests, 1 survived")


def test_the_tests_that_have_to_notice_are_there(pytestconfig):
    missing = [
        t for tests in TESTS.values() for t in tests if not (pytestconfig.rootpath / t).exists()
    ]
    assert not missing
