"""Shards of a run, joined: the bytes that one process writes, or a refusal that says why."""

import json
import re
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pathflow as pf
from pathflow.storage import BlockedArray
from tests.helpers import dag_programs
from tests.scale._asked import EXAMPLES, PATHS, arrays, ask, content, recurrence

# Several examples to a block, one, and a stretch of one.
BLOCKS = [2 * PATHS, PATHS, 3]


@pytest.fixture(scope="module", params=[(b, n) for b in (True, False) for n in BLOCKS])
def single(request, tmp_path_factory):
    """A run of one process, and how it was asked."""
    batched, block = request.param
    folder = tmp_path_factory.mktemp("single") / "run"
    ask(pf.EnumerateTo(folder, block), batched=batched)
    return folder, batched, block


def write(folder, of, *, block, only=None, **facts):
    for index in range(of) if only is None else only:
        ask(pf.EnumerateTo(folder, block, shard=pf.Shard(index, of)), **facts)


@pytest.mark.parametrize("of", [1, 5])
def test_merged_shards_are_the_run_of_one_process(single, of, tmp_path):
    whole, batched, block = single
    # In any order; and with whole examples there are fewer blocks than shards.
    write(tmp_path, of, block=block, batched=batched, only=reversed(range(of)))
    run = pf.merge(tmp_path)
    assert content(tmp_path) == content(whole)
    assert run.complete
    assert run.shard is None
    assert run.audit.ok
    assert run.load().influences.tobytes() == pf.load(whole).influences.tobytes()
    # To join them again changes nothing, and neither does the call of one process.
    pf.merge(tmp_path)
    ask(pf.EnumerateTo(tmp_path, block), batched=batched)
    assert content(tmp_path) == content(whole)


# Each example compiles a program of its own.
@settings(max_examples=max(2, settings().max_examples // 15))
@given(dag_programs(), st.integers(1, 12), st.integers(1, 5), st.data())
def test_however_a_run_is_cut_its_shards_give_its_bytes(program, block, of, data):
    args = program.args()
    traced = pf.trace(program.function(), *args)
    doi = pf.Line(jnp.zeros_like(args[0]), n_steps=2)

    def attribute(search):
        return pf.attribute(traced, args, source="x", doi=doi, search=search)

    with tempfile.TemporaryDirectory() as name:
        whole, parts = Path(name, "whole"), Path(name, "parts")
        try:
            attribute(pf.EnumerateTo(whole, block))
        except (pf.NoPathError, pf.NotDifferentiableError):
            return
        for index in data.draw(st.permutations(range(of))):
            attribute(pf.EnumerateTo(parts, block, shard=pf.Shard(index, of)))
        pf.merge(parts)
        assert content(parts) == content(whole)


@given(st.integers(1, 200), st.integers(0, 300))
def test_shards_divide_the_blocks(of, count):
    parts = [pf.Shard(index, of).numbers(count) for index in range(of)]
    assert [n for part in parts for n in part] == list(range(count))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


@pytest.fixture
def watched(monkeypatch):
    """How often each block is written."""
    numbers = []
    original = BlockedArray.write

    def write_and_count(self, folder, key, number, values):
        if self.name == "influences":
            numbers.append(number)
        return original(self, folder, key, number, values)

    monkeypatch.setattr(BlockedArray, "write", write_and_count)
    return numbers


class StopError(Exception):
    pass


def stop_after(search, blocks):
    """A search that is stopped after so many blocks."""
    left = [blocks]

    def progress(_):
        left[0] -= 1
        if not left[0]:
            raise StopError

    return replace(search, progress=progress)


def test_a_stopped_shard_alone_is_done_again(tmp_path, watched):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    ask(pf.EnumerateTo(whole, 3))
    write(parts, 3, block=3, only=[0, 2])
    search = pf.EnumerateTo(parts, 3, shard=pf.Shard(1, 3))
    with pytest.raises(StopError):
        ask(stop_after(search, 2))
    count = -(-PATHS // 3) * EXAMPLES
    own = pf.Shard(1, 3).numbers(count)
    with pytest.raises(pf.UnfinishedRunError) as error:
        pf.merge(parts)
    assert f"not finished are 1 (2 of {len(own)} blocks)" in str(error.value)
    assert "EnumerateTo(folder, shard=Shard(1, 3))" in str(error.value)
    watched.clear()
    told = []
    ask(replace(search, progress=told.append))
    assert watched == list(own[2:])
    assert told == [(n + 1) / len(own) for n in range(2, len(own))]
    pf.merge(parts)
    assert content(parts) == content(whole)


def test_a_stopped_merge_goes_on(tmp_path, watched, monkeypatch):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    ask(pf.EnumerateTo(whole, 3))
    write(parts, 2, block=3)
    watched.clear()
    write_block = BlockedArray.write

    def fail_at_five(self, folder, key, number, values):
        if len(watched) == 5:
            raise OSError(28, "No space left on device")
        return write_block(self, folder, key, number, values)

    monkeypatch.setattr(BlockedArray, "write", fail_at_five)
    with pytest.raises(pf.DiskFullError):
        pf.merge(parts)
    monkeypatch.setattr(BlockedArray, "write", write_block)
    watched.clear()
    pf.merge(parts)
    assert watched == list(range(5, len(pf.open_run(whole).numbers)))
    assert content(parts) == content(whole)


def test_missing_shards_are_named_and_never_silently_nan(tmp_path):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    ask(pf.EnumerateTo(whole, 3))
    write(parts, 5, block=3, only=[0, 2, 3])
    with pytest.raises(pf.UnfinishedRunError, match="of 5 shards, there is no 1, 4. Run each"):
        pf.merge(parts)
    assert not (parts / "manifest.json").exists()
    run = pf.merge(parts, partial=True)
    assert not run.complete
    with pytest.raises(pf.UnfinishedRunError, match="Run the same call again"):
        run.load()
    part = pf.load(parts, partial=True)
    expected = pf.load(whole).influences
    known = ~np.isnan(part.influences)
    assert 0 < known.sum() < known.size
    np.testing.assert_array_equal(part.influences[known], expected[known])
    assert np.isnan(part.audit.structural).all()
    # What is missing is written by one process, or comes with its shards.
    other = tmp_path / "other"
    shutil.copytree(parts, other)
    ask(pf.EnumerateTo(parts, 3))
    assert content(parts) == content(whole)
    write(other, 5, block=3, only=[1, 4])
    pf.merge(other)
    assert content(other) == content(whole)


def test_many_missing_shards_are_counted(tmp_path):
    # None of them is looked for: a manifest could name any number.
    write(tmp_path, 10**8, block=3, only=[7])
    with pytest.raises(pf.UnfinishedRunError, match="no 0, 1, 2, .*, 10 and 99,999,989 more"):
        pf.merge(tmp_path)


def test_missing_and_unfinished_shards_are_told_apart(tmp_path):
    write(tmp_path, 4, block=3, only=[0])
    with pytest.raises(StopError):
        ask(stop_after(pf.EnumerateTo(tmp_path, 3, shard=pf.Shard(2, 4)), 1))
    blocks = len(pf.Shard(2, 4).numbers(-(-PATHS // 3) * EXAMPLES))
    text = f"of 4 shards, there is no 1, 3; not finished are 2 (1 of {blocks} blocks). Run each"
    with pytest.raises(pf.UnfinishedRunError, match=re.escape(text)):
        pf.merge(tmp_path)


def test_a_block_that_is_nowhere_is_named(tmp_path):
    write(tmp_path, 2, block=3)
    lost = tmp_path / "shard-1-of-2" / "influences-000010.npy"
    lost.unlink()
    with pytest.raises(pf.MissingBlockError, match="influences-000010.npy.*Run shard 1 of 2"):
        pf.merge(tmp_path)
    write(tmp_path, 2, block=3, only=[1])
    assert pf.merge(tmp_path).audit.ok


def test_a_damaged_block_is_named(tmp_path):
    write(tmp_path, 2, block=3)
    at = tmp_path / "shard-0-of-2" / "influences-000003.npy"
    raw = bytearray(at.read_bytes())
    raw[-40] ^= 1
    at.write_bytes(raw)
    with pytest.raises(pf.DamagedRunError, match="shard-0-of-2/influences-000003.npy holds other"):
        pf.merge(tmp_path)


def changed(x, words):
    return 2 * recurrence(x, words)


OTHERS = [
    ({"seed": 1}, pf.ParametersChangedError, r"args\[0\] = .* in the one, and"),
    ({"function": changed}, pf.CodeChangedError, "another function: the digest of its equa"),
    ({"n_steps": 4}, pf.SettingsChangedError, "doi .*n_steps=4, .* in the one, and .*n_steps=3"),
    ({"batched": False}, pf.ParametersChangedError, r"args\[0\]"),
    ({"block": 4}, pf.SettingsChangedError, r"blocks block = \[1,4\] in the one"),
]


@pytest.mark.parametrize(("facts", "error", "says"), OTHERS)
def test_shards_of_different_runs_are_not_joined(facts, error, says, tmp_path):
    write(tmp_path / "a", 2, block=3, only=[0])
    write(tmp_path / "b", 2, only=[1], **{"block": 3, **facts})
    shards = [tmp_path / "a" / "shard-0-of-2", tmp_path / "b" / "shard-1-of-2"]
    with pytest.raises(error, match=says) as found:
        pf.merge(tmp_path / "run", reversed(shards))
    assert all(str(at) in str(found.value) for at in shards)
    assert not (tmp_path / "run").exists()


def test_shards_of_different_precision_are_not_joined(tmp_path):
    x, words = arrays()

    def single(search, dtype):
        args = x[0].astype(dtype), words.astype(dtype)
        graph = pf.trace(recurrence, *args, inputs=("x",))
        doi = pf.Line(jnp.zeros_like(args[0]), n_steps=3)
        pf.attribute(graph, args, source="x", doi=doi, search=search)

    for index, dtype in enumerate((jnp.float32, jnp.float64)):
        single(pf.EnumerateTo(tmp_path, 3, shard=pf.Shard(index, 2)), dtype)
    with pytest.raises(
        pf.ParametersChangedError, match=r"float64.*in the one.*float32|float32.*64"
    ):
        pf.merge(tmp_path)


def test_shards_of_different_numbers_are_not_joined(tmp_path):
    write(tmp_path / "a", 2, block=3, only=[0])
    write(tmp_path / "b", 3, block=3, only=[2])
    with pytest.raises(pf.SettingsChangedError, match="shard 0 of 2, and shards of 3 do not join"):
        write(tmp_path / "a", 3, block=3, only=[2])
    shards = [tmp_path / "a" / "shard-0-of-2", tmp_path / "b" / "shard-2-of-3"]
    with pytest.raises(pf.SettingsChangedError, match="the one is shard 0 of 2, and the other sh"):
        pf.merge(tmp_path / "all", shards)


def test_a_shard_beside_another_run_is_refused_before_any_work(tmp_path):
    ask(pf.EnumerateTo(tmp_path, 3))
    with pytest.raises(pf.ParametersChangedError, match="was begun with"):
        write(tmp_path, 2, block=3, only=[0], seed=1)
    assert not list(tmp_path.glob("shard-*"))


def test_the_same_shard_twice_must_be_equal(tmp_path):
    whole = tmp_path / "whole"
    ask(pf.EnumerateTo(whole, 3))
    write(tmp_path / "a", 2, block=3)
    write(tmp_path / "b", 2, block=3, only=[1])
    first, second = (tmp_path / "a" / f"shard-{i}-of-2" for i in range(2))
    again = tmp_path / "b" / "shard-1-of-2"
    pf.merge(tmp_path / "run", [first, again, second])
    assert content(tmp_path / "run") == content(whole)
    # One of them stopped early.
    (again / "influences-000010.npy").unlink()
    pf.merge(tmp_path / "more", [again, first, second])
    assert content(tmp_path / "more") == content(whole)
    # A block of other numbers, with a checksum that is right.
    manifest = pf.open_run(again).manifest
    layout = manifest.arrays["influences"]
    values = layout.read(again, manifest.key, 12) + 1e-9
    layout.write(again, manifest.key, 12, values)
    with pytest.raises(pf.DamagedRunError, match="influences-000012.npy with other influences"):
        pf.merge(tmp_path / "third", [first, second, again])


def test_shards_that_were_checked_against_other_derivatives_are_not_joined(tmp_path):
    write(tmp_path, 2, block=3)
    at = tmp_path / "shard-1-of-2"
    manifest = pf.open_run(at).manifest
    (name,) = (n for n in manifest.arrays if "reference" in n)
    array = manifest.arrays[name]
    array.write(at, manifest.key, 0, array.read(at, manifest.key, 0) + 1e-9)
    with pytest.raises(pf.RunChangedError, match="derivatives that they were checked against"):
        pf.merge(tmp_path)


def test_what_is_no_shard_is_refused(tmp_path):
    with pytest.raises(pf.ArgumentError, match="there are no shards in it"):
        pf.merge(tmp_path / "nowhere")
    ask(pf.Enumerate()).save(tmp_path / "whole")
    with pytest.raises(pf.ArgumentError, match="holds a whole result of the kind 'attribution'"):
        pf.merge(tmp_path / "run", [tmp_path / "whole"])
    (tmp_path / "other").mkdir()
    with pytest.raises(pf.StorageError, match="is no run directory"):
        pf.merge(tmp_path / "run", [tmp_path / "other"])
    (tmp_path / "other" / "file").write_text("mine")
    write(tmp_path / "other", 1, block=3)
    with pytest.raises(pf.RunExistsError, match="holds 'file'"):
        pf.merge(tmp_path / "other")


def test_one_process_does_not_write_over_shards(tmp_path):
    write(tmp_path, 2, block=3, only=[0])
    with pytest.raises(pf.RunExistsError, match="or join its shards by pathflow.merge"):
        ask(pf.EnumerateTo(tmp_path, 3))
    with pytest.raises(pf.SettingsChangedError, match="holds shard 0 of 2, and this call writes a"):
        ask(pf.EnumerateTo(tmp_path / "shard-0-of-2", 3))


def test_a_shard_gives_its_blocks_and_no_sum(tmp_path):
    shard = pf.Shard(1, 3)
    run = ask(pf.EnumerateTo(tmp_path, 3, shard=shard))
    whole = ask(pf.Enumerate())
    assert run.shard == shard
    assert run.complete
    assert "shard 1 of 3, complete" in repr(run)
    assert "pathflow.merge" in run._repr_html_()
    blocks = list(run.blocks())
    assert len(blocks) == run.n_blocks == 6
    for block in blocks:
        expected = whole.influences[block.examples, block.ranks]
        np.testing.assert_allclose(block.influences, expected, rtol=1e-12)
    for what in (lambda: run.total, run.top, lambda: run[0], run.load):
        with pytest.raises(pf.UnfinishedRunError, match="holds shard 1 of 3 of a run. Join"):
            what()
    assert np.isnan(run.audit.structural).all()
    part = pf.load(tmp_path / "shard-1-of-3", partial=True)
    assert (~np.isnan(part.influences)).sum() == sum(b.influences.size for b in blocks)


@pytest.mark.parametrize(("index", "of"), [(2, 2), (-1, 2), (0, 0), (0.0, 2), (True, 2), ("0", 2)])
def test_a_shard_that_is_none_is_refused(index, of, unchecked):
    with pytest.raises(pf.ArgumentError, match="counted from 0"):
        pf.Shard(index, of)


def test_a_search_takes_a_shard(tmp_path, unchecked):
    with pytest.raises(pf.ArgumentError, match="takes a pathflow.Shard"):
        pf.EnumerateTo(tmp_path, shard="0/8")


@pytest.mark.parametrize("shard", [{}, [0, 2], {"index": 2, "of": 2}, {"index": 0, "of": "2"}, 1])
def test_a_manifest_that_names_no_shard_is_damaged(shard, tmp_path):
    write(tmp_path, 2, block=3, only=[0])
    from pathflow.storage import digest_of

    at = tmp_path / "shard-0-of-2" / "manifest.json"
    made = {**json.loads(at.read_text()), "shard": shard}
    made.pop("digest")
    at.write_text(json.dumps({**made, "digest": digest_of(made)}))
    with pytest.raises(pf.DamagedRunError, match="cannot be understood"):
        pf.merge(tmp_path)
