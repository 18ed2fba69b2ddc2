"""The benchmark of partials measures the same thing with structure and without."""

import pytest

from benchmarks._partials_alone import measure


def test_both_ways_agree():
    rows = measure(units=8, parts=4, repeats=1)
    assert all(row["differ by"] < 1e-5 for row in rows)
    units = rows[-1]
    assert (units["paths"], units["dense paths"]) == (10, 64)
    loop = rows[1]
    assert loop["MB"] < loop["dense MB"]
    assert rows[2]["paths"] == pytest.approx(rows[2]["dense paths"])
