"""What can go wrong with a run directory: each is named, and nothing that was written is lost."""

import errno
import json
import os
import platform
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pathflow as pf
from pathflow.results._plain_audit import plain_audit
from pathflow.storage import _files, digest_of

X = jnp.array([0.3, -1.2, 0.7])


def model(x):
    gate = pf.tag(jax.nn.sigmoid(x), "gate")
    return pf.tag(gate * jnp.tanh(x), "hidden").sum() + gate.sum()


def other_model(x):
    gate = pf.tag(jax.nn.sigmoid(1.5 * x), "gate")
    return pf.tag(gate * jnp.tanh(x), "hidden").sum() + gate.sum()


def scaled(fn, scale):
    """A function that closes over an array."""
    factor = jnp.array([scale] * 3)
    return lambda x: fn(factor * x)


def run(folder, *, fn=model, x=X, block=1, memory=2**30, progress=None, **asked):
    """Three paths, a block each."""
    graph = pf.trace(fn, x, **{"qoi": asked.pop("qoi")} if "qoi" in asked else {})
    search = pf.EnumerateTo(folder, block=block, memory=memory, progress=progress)
    asked = {"source": "x", "doi": pf.Line(jnp.zeros(3, x.dtype), n_steps=3), **asked}
    return pf.attribute(graph, (x,), search=search, **asked)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished") / "run"
    run(folder)
    return {p.name: p.read_bytes() for p in folder.iterdir()}


@pytest.fixture
def folder(finished, tmp_path):
    """A finished run, to be spoilt."""
    folder = tmp_path / "run"
    folder.mkdir()
    for name, content in finished.items():
        (folder / name).write_bytes(content)
    return folder


def content(folder):
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.name != "lock"}


CHANGES = {
    "arguments": (
        {"x": 2 * X},
        pf.ParametersChangedError,
        r"begun with arguments args\[0\] = \"float64\[3\] \w+\.\.\.\", and this call has \"float64",
    ),
    "code": ({"fn": other_model}, pf.CodeChangedError, "begun with another function"),
    "constants": ({"fn": scaled(model, 1.0)}, pf.ParametersChangedError, "constants 0 = nothing"),
    "steps": (
        {"doi": pf.Line(jnp.zeros(3), n_steps=4)},
        pf.SettingsChangedError,
        r"doi = \"Line\(n_steps=3.*has \"Line\(n_steps=4",
    ),
    "baseline": (
        {"doi": pf.Line(jnp.ones(3), n_steps=3)},
        pf.SettingsChangedError,
        r"doi\.baseline = ",
    ),
    "doi": ({"doi": pf.Point()}, pf.SettingsChangedError, r"doi = .*has \"Point"),
    "source": ({"source": "gate", "doi": pf.Point()}, pf.SettingsChangedError, "question source"),
    "target": ({"qoi": lambda y: y}, pf.CodeChangedError, "begun with another function"),
    "block": ({"block": 2}, pf.SettingsChangedError, r"blocks block = \[1\]"),
    "precision": (
        {"x": X.astype(jnp.float32)},
        pf.ParametersChangedError,
        r"float64\[3\].*float32\[3\]",
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_run_goes_on_only_with_what_it_was_begun_with(folder, name):
    changed, kind, message = CHANGES[name]
    before = content(folder)
    (folder / "influences-000002.npy").unlink()
    with pytest.raises(kind, match=message):
        run(folder, **changed)
    with pytest.raises(pf.RunChangedError, match="Ask as before, or give another folder"):
        run(folder, **changed)
    # Nothing is lost by having asked.
    run(folder)
    assert content(folder) == before


def test_the_value_of_a_constant_counts(tmp_path):
    run(tmp_path / "run", fn=scaled(model, 1.0))
    with pytest.raises(pf.ParametersChangedError, match="begun with constants 0"):
        run(tmp_path / "run", fn=scaled(model, 1.5))
    run(tmp_path / "run", fn=scaled(model, 1.0))


def test_another_version_of_what_computes_is_refused(folder, monkeypatch):
    from pathflow.influence.question import _identity

    monkeypatch.setattr(_identity, "__version__", "99.0")
    with pytest.raises(pf.SettingsChangedError, match=r'computed by pathflow = .*has "99.0"'):
        run(folder)


def test_a_budget_that_cuts_otherwise_is_refused(folder):
    with pytest.raises(pf.SettingsChangedError, match="blocks tile"):
        run(folder, memory=600)


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize("memory", ["x", None, True, 2.5, 0, -1])
def test_a_budget_that_is_no_number_of_bytes(folder, memory):
    with pytest.raises(pf.ArgumentError, match=r"load\(memory=.* takes a positive number of bytes"):
        pf.load(folder, memory=memory)
    with pytest.raises(pf.ArgumentError, match=r"takes a positive number of bytes"):
        run(folder).load(memory=memory)


def test_two_writers_in_one_process(tmp_path):
    said = []

    def second(_):
        with pytest.raises(pf.RunLockedError, match="is being written by another run") as error:
            run(tmp_path / "run")
        said.append(str(error.value))

    run(tmp_path / "run", progress=second)
    assert len(said) == 3
    assert str(os.getpid()) in said[0]
    assert platform.node() in said[0]


def test_two_writers_in_two_processes_and_a_lock_that_a_dead_one_left(folder):
    held = (
        "import sys, pathlib\n"
        "from pathflow.storage._lock import locked\n"
        "with locked(pathlib.Path(sys.argv[1])):\n"
        "    print('held', flush=True)\n"
        "    sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", held, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(pf.RunLockedError, match=f'"pid": {other.pid}'):
            run(folder)
        other.kill()
    assert str(other.pid) in (folder / "lock").read_text()
    run(folder)


class Failing:
    """Lets `os.fsync` fail after so many calls, as a disk that is full does."""

    def __init__(self, monkeypatch, after, code):
        self.left, self.code, self.fsync = after, code, os.fsync
        monkeypatch.setattr(_files.os, "fsync", self)

    def __call__(self, handle):
        if not self.left:
            raise OSError(self.code, os.strerror(self.code))
        self.left -= 1
        self.fsync(handle)


# Two files, each synced with its folder, are written before the blocks, and one after.
@pytest.mark.parametrize("after", range(12))
@pytest.mark.parametrize(
    ("code", "kind", "message"),
    [
        (errno.ENOSPC, pf.DiskFullError, "no room left to write .* run the same call again"),
        (errno.EROFS, pf.RunWriteError, "cannot be written .*Read-only file system"),
    ],
)
def test_a_disk_that_is_full_or_read_only(
    finished, tmp_path, monkeypatch, after, code, kind, message
):
    folder = tmp_path / "run"
    with monkeypatch.context() as patch:
        Failing(patch, after, code)
        with pytest.raises(kind, match=message):
            run(folder)
    assert not [n for n in content(folder) if n.endswith(".tmp")]
    run(folder)
    assert content(folder) == {n: b for n, b in finished.items() if n != "lock"}


def test_no_room_is_said_before_any_work(tmp_path, monkeypatch):
    monkeypatch.setattr(_files.shutil, "disk_usage", lambda _: _Usage)
    with pytest.raises(pf.DiskFullError, match=r"takes 24 bytes, and 5 are free"):
        run(tmp_path / "run")


class _Usage:
    free = 5


def test_a_save_that_fails_leaves_nothing(tmp_path, monkeypatch):
    result = pf.attribute(pf.trace(model, X), (X,), source="x", doi=pf.Point())
    for after in range(5):
        with monkeypatch.context() as patch:
            Failing(patch, after, errno.ENOSPC)
            with pytest.raises(pf.DiskFullError, match="no room left"):
                result.save(tmp_path / "run")
        assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write all")
def test_a_folder_that_may_not_be_written(folder):
    folder.chmod(0o500)
    try:
        with pytest.raises(pf.RunWriteError, match="give a folder that you may write to"):
            run(folder)
        pf.load(folder)
    finally:
        folder.chmod(0o700)


def flipped(content, at):
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


def assert_both_say(folder, kind, message):
    """Reading and going on say the same, and change nothing."""
    before = content(folder)
    for call in (pf.load, run):
        with pytest.raises(kind, match=message):
            call(folder)
    assert content(folder) == before


@pytest.mark.parametrize("at", [0, 7, 20, 127, 128, 135, 136, 167])
def test_a_flipped_bit_of_a_block(folder, at):
    block = folder / "influences-000001.npy"
    assert len(block.read_bytes()) == 168
    block.write_bytes(flipped(block.read_bytes(), at))
    assert_both_say(
        folder, pf.DamagedRunError, "influences-000001.npy .*delete it and run the same"
    )
    block.unlink()
    run(folder)
    pf.load(folder)


@pytest.mark.parametrize("size", [0, 1, 100, 167])
def test_a_block_that_was_cut_short(folder, size):
    block = folder / "influences-000001.npy"
    block.write_bytes(block.read_bytes()[:size])
    assert_both_say(folder, pf.DamagedRunError, f"takes {size} bytes, and this block takes 168")


def test_a_block_in_the_place_of_another(folder):
    first, second = (folder / f"influences-00000{i}.npy" for i in (0, 1))
    second.write_bytes(first.read_bytes())
    assert_both_say(folder, pf.DamagedRunError, "holds other bytes than were written for this run")


def test_a_block_of_another_run(folder, tmp_path):
    run(tmp_path / "other", x=2 * X)
    name = "influences-000001.npy"
    (folder / name).write_bytes((tmp_path / "other" / name).read_bytes())
    assert_both_say(folder, pf.DamagedRunError, "holds other bytes than were written for this run")


def test_a_missing_block_is_an_error_and_nan_where_a_part_is_asked_for(folder):
    whole = pf.load(folder).influences.copy()
    assert pf.load(folder, partial=True).audit.ok
    (folder / "influences-000001.npy").unlink()
    with pytest.raises(
        pf.MissingBlockError, match="influences-000001.npy is missing.*partial=True"
    ):
        pf.load(folder)
    part = pf.load(folder, partial=True)
    np.testing.assert_array_equal(part.influences, [whole[0], np.nan, whole[2]])
    assert np.isnan(part.total)
    # The audit was of the whole, so it says nothing of what has a hole.
    assert not part.audit.ok
    assert np.isnan(part.audit.structural)
    assert np.isnan(part.audit.quadrature)
    assert "not checked" in str(part.audit)
    assert "Not checked" in plain_audit(part.audit)[0]
    with pytest.raises(pf.NonFiniteError, match="are NaN"):
        part.top(1)
    opened = pf.open_run(folder)
    with pytest.raises(pf.MissingBlockError, match="is missing"):
        list(opened.blocks())
    run(folder)
    np.testing.assert_array_equal(pf.load(folder).influences, whole)


@pytest.mark.parametrize("lost", ["influences", "head.influences"])
def test_a_hole_in_a_sample_or_its_head(tmp_path, lost):
    x = jnp.stack([X, 2 * X])
    search = pf.Sample(20, jax.random.key(0), head=pf.TopK(1))
    doi = pf.Line(jnp.zeros(3), n_steps=3)
    asked = {"source": "x", "doi": doi, "search": search, "in_axes": 0}
    result = pf.attribute(pf.trace(model, X), (x,), **asked)
    result.save(tmp_path / "run")
    assert pf.load(tmp_path / "run", partial=True).audit.ok
    (tmp_path / "run" / f"{lost}-000000.npy").unlink()
    part = pf.load(tmp_path / "run", partial=True)
    for audit in (part.audit, part.head.audit):
        assert np.isnan(audit.structural).tolist() == [True, True]
        assert not audit.ok


def test_a_damaged_block_is_an_error_also_where_a_part_is_asked_for(folder):
    block = folder / "influences-000001.npy"
    block.write_bytes(flipped(block.read_bytes(), 130))
    with pytest.raises(pf.DamagedRunError, match="digest differs"):
        pf.load(folder, partial=True)


def rewritten(folder, change, *, sealed=True):
    """Changes the manifest, and its digest with it."""
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    change(manifest)
    if sealed:
        manifest.pop("digest", None)
        manifest["digest"] = digest_of(manifest)
    path.write_text(json.dumps(manifest))


@pytest.mark.parametrize("version", [0, 2, "1", None, [1]])
def test_a_layout_of_another_version(folder, version):
    rewritten(folder, lambda m: m.update(schema=version))
    with pytest.raises(pf.SchemaVersionError, match=r"reads 1; read it with .* wrote it \(0\."):
        pf.load(folder)
    with pytest.raises(pf.SchemaVersionError, match="has the schema version"):
        run(folder)


def test_a_changed_manifest_or_graph(folder):
    rewritten(folder, lambda m: m["value"]["of"]["metadata"].update(json={}), sealed=False)
    assert_both_say(folder, pf.DamagedRunError, "manifest.json is not what was written")


def test_a_changed_graph(folder):
    text = (folder / "graph.json").read_text()
    (folder / "graph.json").write_text(text.replace("gate", "gait"))
    assert_both_say(folder, pf.DamagedRunError, "graph.json is not what was written")
    (folder / "graph.json").unlink()
    assert_both_say(folder, pf.MissingBlockError, "graph.json is missing")


def test_something_else_than_a_run_directory(tmp_path):
    with pytest.raises(pf.StorageError, match="holds no manifest.json"):
        pf.load(tmp_path / "nowhere")
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(pf.RunExistsError, match="holds 'notes.txt' and no run directory"):
        run(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["notes.txt"]


def test_an_interrupted_run_goes_on(finished, tmp_path):
    fractions = []

    def stop(fraction):
        fractions.append(fraction)
        if len(fractions) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "run", progress=stop)
    with pytest.raises(pf.UnfinishedRunError, match="was stopped"):
        pf.load(tmp_path / "run")
    opened = pf.open_run(tmp_path / "run")
    assert not opened.complete
    assert "not complete" in repr(opened)
    with pytest.raises(pf.UnfinishedRunError, match="was stopped"):
        opened.load()
    run(tmp_path / "run", progress=fractions.append)
    assert fractions == [1 / 3, 2 / 3, 1]
    assert content(tmp_path / "run") == {n: b for n, b in finished.items() if n != "lock"}


def test_an_influence_that_is_not_finite_is_not_written(tmp_path):
    with pytest.raises(pf.NonFiniteError, match="influence of"):
        run(tmp_path / "run", fn=lambda x: pf.tag(jnp.sqrt(x), "root").sum(), x=jnp.zeros(3),
            doi=pf.Samples(jnp.zeros((1, 3)), direction=jnp.ones(3)))  # fmt: skip
    assert not list((tmp_path / "run").glob("influences*"))
