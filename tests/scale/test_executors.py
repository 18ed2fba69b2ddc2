"""Shards by the workers of executors, one of which is killed: the bytes of one process."""

import os
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

import pathflow as pf
from tests.scale._asked import ask, content
from tests.scale._workers import Killed, breaks, fails, loses

ROOT = Path(__file__).parents[2]
BLOCK, OF = 3, 3


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole") / "run"
    ask(pf.EnumerateTo(folder, BLOCK))
    return content(folder)


def times(folder):
    """When each block of each shard was written."""
    return {p: p.stat().st_mtime_ns for p in folder.glob("shard-*/influences-*.npy")}


def test_processes_of_which_one_is_killed(whole, tmp_path):
    search, mark = pf.EnumerateTo(tmp_path / "run", BLOCK), tmp_path / "mark"
    killed = Killed(1, mark)
    # One worker: the shards before the one that dies are written, and those after it lost.
    lost = pytest.raises(pf.UnfinishedRunError, match="of 3 shards, 1.* failed")
    with ProcessPoolExecutor(1, get_context("spawn")) as pool, lost as error:
        pf.run_shards(killed, search, OF, pool)
    assert "BrokenProcessPool" in str(error.value)
    assert mark.exists()
    before = times(tmp_path / "run")
    assert len(before) == 6 + 2
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        run = pf.run_shards(killed, search, OF, pool)
    after = times(tmp_path / "run")
    # Nothing that was written is written again.
    assert before.items() <= after.items()
    assert len(after) == run.n_blocks
    assert content(tmp_path / "run") == whole
    assert run.audit.ok


def test_a_dask_cluster_of_which_a_worker_is_killed(whole, tmp_path):
    # In a process of its own: a cluster leaves threads and sockets behind.
    command = [sys.executable, "-m", "tests.scale._dask", str(tmp_path)]
    environment = {**os.environ, "JAX_PLATFORMS": "cpu", "JAX_ENABLE_X64": "1"}
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=ROOT, env=environment, **streams) as cluster:
        out, error = cluster.communicate(timeout=600)
    assert cluster.returncode == 0, error
    assert "one run, complete" in out
    # It was killed with two blocks written, which are those of the run.
    assert (tmp_path / "mark").read_text().count("influences-") == 2
    assert content(tmp_path / "run") == whole


def test_threads(whole, tmp_path):
    with ThreadPoolExecutor(2) as pool:
        pf.run_shards(ask, pf.EnumerateTo(tmp_path, BLOCK), OF, pool)
        assert content(tmp_path) == whole
        # All is written: nothing is asked but whether it is.
        before = times(tmp_path)
        pf.run_shards(ask, pf.EnumerateTo(tmp_path, BLOCK), OF, pool)
    assert times(tmp_path) == before


def test_what_a_worker_refuses_is_raised_and_what_breaks_is_named(whole, tmp_path):
    search = pf.EnumerateTo(tmp_path, BLOCK)
    with ThreadPoolExecutor(1) as pool:
        with pytest.raises(pf.ArgumentError, match="shard 0 of 3 cannot be asked"):
            pf.run_shards(fails, search, OF, pool)
        # A slip of the user's own comes as it is.
        with pytest.raises(ZeroDivisionError, match="of the second"):
            pf.run_shards(breaks, search, OF, pool)
        # A lost connection is a lost worker; the others are done.
        with pytest.raises(
            pf.UnfinishedRunError, match="3 shards, 1 failed, .*ConnectionResetError"
        ):
            pf.run_shards(loses, search, OF, pool)
        with pytest.raises(pf.UnfinishedRunError, match="of 3 shards, there is no 1. Run"):
            pf.merge(tmp_path)
        pf.run_shards(ask, search, OF, pool)
    assert content(tmp_path) == whole


def test_shards_of_another_number_are_refused_before_any_work(tmp_path):
    (tmp_path / "shard-0-of-2").mkdir()
    refused = pytest.raises(pf.SettingsChangedError, match=r"shard 0 of 2.*delete .*d-0-of-2 first")
    with ThreadPoolExecutor(1) as pool, refused:
        pf.run_shards(fails, pf.EnumerateTo(tmp_path, BLOCK), OF, pool)
    with pytest.raises(pf.SettingsChangedError, match="shard 0 of 2, and shards of 3"):
        ask(pf.EnumerateTo(tmp_path, BLOCK, shard=pf.Shard(1, 3)))
    assert [path.name for path in tmp_path.iterdir()] == ["shard-0-of-2"]


def test_a_worker_that_dask_lost_is_named_by_its_class(tmp_path):
    killed = type("KilledWorker", (Exception,), {})

    def lost(search):
        raise killed("of a cluster")

    named = pytest.raises(pf.UnfinishedRunError, match="0, 1 failed, .*KilledWorker")
    with ThreadPoolExecutor(1) as pool, named:
        pf.run_shards(lost, pf.EnumerateTo(tmp_path), 2, pool)


def test_a_shard_that_somebody_else_writes_is_named(tmp_path):
    from pathflow.storage._lock import locked

    at = tmp_path / "shard-2-of-3"
    at.mkdir()
    lost = pytest.raises(pf.UnfinishedRunError, match="3 shards, 2 failed, .*RunLockedError")
    with locked(at), ThreadPoolExecutor(1) as pool, lost:
        pf.run_shards(ask, pf.EnumerateTo(tmp_path, BLOCK), OF, pool)


@pytest.mark.parametrize("of", [0, -1, True, 1.5])
def test_a_number_of_shards_is_1_or_more(of, tmp_path, unchecked):
    with pytest.raises(pf.ArgumentError, match="takes a number of shards"):
        pf.run_shards(ask, pf.EnumerateTo(tmp_path), of, ThreadPoolExecutor(1))


def test_the_search_writes_to_a_folder(unchecked):
    said = r'as pathflow\.EnumerateTo\("runs/primary"\)\.'
    with pytest.raises(pf.ArgumentError, match=said):
        pf.run_shards(ask, pf.Enumerate(), OF, ThreadPoolExecutor(1))


@pytest.mark.parametrize("facts", [{"shard": pf.Shard(0, 2)}, {"progress": print}])
def test_the_search_leaves_shards_and_progress_open(facts, tmp_path):
    with pytest.raises(pf.ArgumentError, match="chooses the shards itself"):
        pf.run_shards(ask, pf.EnumerateTo(tmp_path, **facts), 2, ThreadPoolExecutor(1))
