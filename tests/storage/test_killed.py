"""A run that is killed, at any moment, goes on to the bits of one that is not."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import pathflow as pf
from pathflow.storage import BlockedArray
from tests.storage._killed import N_BLOCKS, N_RANDOM, ask

ROOT = Path(__file__).parents[2]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs processes that fork"),
]


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """The folders that killed runs left."""
    root = tmp_path_factory.mktemp("killed")
    environment = {**os.environ, "JAX_ENABLE_X64": "1"}
    command = [sys.executable, "-m", "tests.storage._killed", str(root)]
    subprocess.run(command, check=True, cwd=ROOT, env=environment)
    return root


def content(folder):
    """The bytes of all files but the lock, which names the process."""
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.name != "lock"}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed") / "run"
    ask(folder)
    return content(folder)


def is_block(name):
    return name.startswith("influences-")


def resumed(folder, monkeypatch):
    """Goes on with a run, and says how many blocks it wrote."""
    written = []
    write = BlockedArray.write

    def watched(self, *args):
        written.append(self.name)
        return write(self, *args)

    monkeypatch.setattr(BlockedArray, "write", watched)
    ask(folder)
    monkeypatch.undo()
    return written.count("influences")


def check(folder, log, undisturbed, monkeypatch):
    kept = [n for n in content(folder) if is_block(n)] if folder.exists() else []
    begun = log.count("open .influences-")
    # What is there under its name is whole, and the last block that was begun may be lost.
    for name in kept:
        assert (folder / name).read_bytes() == undisturbed[name]
    assert begun - 1 <= len(kept) <= begun or begun == len(kept) == 0
    if kept and len(kept) < N_BLOCKS:
        with pytest.raises(pf.UnfinishedRunError, match="Run the same call again"):
            pf.load(folder)
        part = pf.load(folder, partial=True)
        assert np.isnan(part.influences).sum() == N_BLOCKS - len(kept)
        assert np.isnan(part.audit.structural)
        assert not part.audit.ok
    assert resumed(folder, monkeypatch) == N_BLOCKS - len(kept)
    assert content(folder) == undisturbed


def test_killed_at_every_step_of_writing(killed, undisturbed, monkeypatch):
    logs = sorted(killed.glob("step-*.log"), key=lambda p: int(p.stem.split("-")[1]))
    lengths = [len(log.read_text().splitlines()) for log in logs]
    # One step further each time, up to the one that came to its end.
    assert lengths == [*range(1, len(logs)), len(logs) - 1]
    assert len(logs) > 25
    steps = logs[-1].read_text()
    assert steps.count("open .influences-") == N_BLOCKS
    assert steps.count("open .manifest.json") == 2
    assert_synced(steps.splitlines())
    for log in logs:
        check(log.with_suffix(""), log.read_text(), undisturbed, monkeypatch)


def assert_synced(steps):
    """A file is on the disk before it has its name, and the name before the next file is begun."""
    kinds = [step.split()[0] for step in steps if step.split()[0] in ("open", "fsync", "replace")]
    assert kinds == ["open", "fsync", "replace", "fsync"] * (len(kinds) // 4)
    assert kinds


def test_killed_at_random_moments(killed, undisturbed, monkeypatch):
    logs = list(killed.glob("random-*.log"))
    assert len(logs) == N_RANDOM
    for log in logs:
        check(log.with_suffix(""), log.read_text(), undisturbed, monkeypatch)
    # Killed at different places, or the test would show little.
    assert len({len(log.read_text().splitlines()) for log in logs}) > 8


def test_a_run_that_is_complete_is_not_written_again(undisturbed, tmp_path, monkeypatch):
    folder = tmp_path / "run"
    ask(folder)
    assert resumed(folder, monkeypatch) == 0
    assert content(folder) == undisturbed
