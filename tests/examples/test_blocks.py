"""Numbers on disk: what is there is not computed again, and nothing else is trusted."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from examples.lstm_agreement.tables.blocks import (
    Block,
    Blocks,
    Kept,
    collected,
    complete_lines,
)
from examples.lstm_agreement.tables.measure import blocks

VALUES = np.arange(20.0).reshape(10, 2)


def computing(done, stop=None, size=3):
    def compute(skip):
        for places in blocks(10, size):
            if skip(places):
                continue
            if len(done) == stop:
                raise KeyboardInterrupt
            done.append(places)
            yield Block(places, VALUES[places], {"audit": -VALUES[places, 0]})

    return compute


def test_blocks_cover_all_places():
    assert blocks(10, 4) == [range(4), range(4, 8), range(8, 10)]
    assert blocks(0, 4) == []


@settings(max_examples=30, deadline=None)
@given(stop=st.integers(0, 3), size=st.integers(1, 11))
def test_it_goes_on_where_it_was_stopped(tmp_path_factory, stop, size):
    kept = Blocks(tmp_path_factory.mktemp("blocks"))
    done, found = [], []
    n_blocks = len(blocks(10, size))
    if stop < n_blocks:
        with pytest.raises(KeyboardInterrupt):
            kept.collect("a" * 64, (10, 2), computing(done, stop, size))
    values, facts = kept.collect("a" * 64, (10, 2), computing(done, None, size), found=found.append)
    np.testing.assert_array_equal(values, VALUES)
    np.testing.assert_array_equal(facts["audit"], -VALUES[:, 0])
    # Every block once, in both runs together.
    assert sorted(done, key=lambda r: r.start) == blocks(10, size)
    assert len(found) == min(stop, n_blocks) if stop < n_blocks else found == []


@pytest.mark.parametrize(
    "damage",
    [
        lambda array, lines: lines.write_text(lines.read_text()[:-9]),
        lambda array, lines: array.write_bytes(array.read_bytes()[:-1]),
        lambda array, lines: array.write_bytes(array.read_bytes()[:-1] + b"\1"),
        lambda array, lines: array.unlink(),
        lambda array, lines: lines.unlink(),
        lambda array, lines: lines.write_text("no line\n"),
    ],
)
def test_damage_is_computed_again(tmp_path, damage):
    kept, done = Blocks(tmp_path), []
    kept.collect("b" * 64, (10, 2), computing(done))
    damage(*(next(tmp_path.glob(f"*.{end}")) for end in ("npy", "jsonl")))
    n_done = len(done)
    values, _ = kept.collect("b" * 64, (10, 2), computing(done))
    assert len(done) > n_done
    np.testing.assert_array_equal(values, VALUES)


def test_another_shape_or_key_is_another_array(tmp_path):
    kept, done = Blocks(tmp_path), []
    kept.collect("c" * 64, (10, 2), computing(done))
    kept.collect("d" * 64, (10, 2), computing(done))
    kept.collect("c" * 64, (10, 2), computing(done), dtype=np.float64)
    assert len(done) == 12
    kept.drop("c" * 64)
    kept.drop("c" * 64)
    assert {f.name[:1] for f in tmp_path.iterdir()} == {"d"}


def test_memory_and_disk_hold_the_same(tmp_path):
    counts = []
    in_memory = collected(None, (10, 2), computing([]), advance=counts.append)
    kept = Kept(Blocks(tmp_path), "e" * 64)
    on_disk = collected(kept, (10, 2), computing([]), advance=counts.append)
    again = collected(kept, (10, 2), computing([], 0), advance=counts.append)
    assert counts == [3, 3, 3, 1] * 3
    for found in (on_disk, again):
        np.testing.assert_array_equal(found.values, in_memory.values)
        np.testing.assert_array_equal(found.facts["audit"], in_memory.facts["audit"])


def test_a_cut_line_is_taken_away_in_one_go(tmp_path, monkeypatch):
    file = tmp_path / "rows.jsonl"
    file.write_text("one\ntwo\nthr")

    def killed(_self, _target):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("pathlib.Path.replace", killed)
        with pytest.raises(KeyboardInterrupt):
            complete_lines(file)
    # What was there is still there, whole.
    assert file.read_text() == "one\ntwo\nthr"
    assert complete_lines(file) == ["one", "two"]
    assert file.read_text() == "one\ntwo\n"
