"""Where results may be written: each refusal names its cause, and nothing of anybody's is lost."""

import errno
import json
import os
import threading
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

import pathflow as pf
from pathflow import exports
from pathflow.storage import _files
from tests.storage._killed import ask

SPACE = pf.Graph([pf.Node("x"), pf.Node("y")], [("x", "y")]).paths("x", "y")


def result(value=1.0):
    audit = pf.Audit(structural=0.0, reference_total=value)
    return pf.Attribution(SPACE, np.array([value]), audit)


def names(folder):
    return sorted(p.name for p in folder.iterdir())


def test_of_two_saves_at_once_one_is_refused(tmp_path, monkeypatch):
    """The second begins when the first has written half, which the first must not notice."""
    fsync, refused = os.fsync, []

    def second(handle):
        fsync(handle)
        monkeypatch.setattr(_files.os, "fsync", fsync)
        other = threading.Thread(target=lambda: result(2.0).save(tmp_path / "run"))
        other.start()
        other.join()
        refused.append(pf.load(tmp_path / "run").total)

    monkeypatch.setattr(_files.os, "fsync", second)
    with pytest.raises(pf.RunExistsError, match="is there already"):
        result(1.0).save(tmp_path / "run")
    assert refused == [2.0]
    assert pf.load(tmp_path / "run").total == 2.0
    assert names(tmp_path) == ["run"]


def test_many_saves_at_once(tmp_path):
    done, failed = [], []

    def save(value):
        try:
            result(value).save(tmp_path / "run")
            done.append(value)
        except pf.RunExistsError:
            failed.append(value)

    threads = [threading.Thread(target=save, args=(float(i),)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(done), len(failed)) == (1, 7)
    assert [pf.load(tmp_path / "run").total] == done
    assert names(tmp_path) == ["run"]


def test_what_others_left_is_not_removed(tmp_path):
    (tmp_path / f".run.{os.getpid()}.tmp").mkdir()
    result().save(tmp_path / "run")
    assert names(tmp_path) == [f".run.{os.getpid()}.tmp", "run"]


WRITERS = [
    lambda path, **_: result().save_html(path),
    lambda path, **_: exports.write_csv(result(), path),
    lambda path, **_: exports.write_json(result(), path),
    lambda path, **_: exports.write_graphml(result(), path),
]


@pytest.mark.parametrize("write", WRITERS, ids=["html", "csv", "json", "graphml"])
def test_files_are_replaced_whole_or_not_at_all(write, tmp_path, monkeypatch):
    place = tmp_path / "new" / "folder" / "file"
    write(place)
    assert place.stat().st_size > 0
    place.write_text("before")
    for code, kind in ((errno.ENOSPC, pf.DiskFullError), (errno.EROFS, pf.RunWriteError)):
        with monkeypatch.context() as patch:

            def refuse(_, code=code):
                raise OSError(code, os.strerror(code))

            patch.setattr(_files.os, "fsync", refuse)
            with pytest.raises(kind, match="file"):
                write(place)
        assert place.read_text() == "before"
    assert names(place.parent) == ["file"]
    with pytest.raises(pf.RunWriteError, match="is a folder; give the name of a file"):
        write(tmp_path / "new")
    (tmp_path / "plain").write_text("mine")
    with pytest.raises(pf.RunWriteError, match="a file stands where a folder must be"):
        write(tmp_path / "plain" / "file")
    with pytest.raises(pf.RunWriteError, match="give a shorter name"):
        write(tmp_path / ("n" * 300))
    # A name that fits is written, though one for a draft may not be longer by much.
    write(tmp_path / ("ü" * 125))
    write(tmp_path / ("n" * 250))


def test_a_title_that_no_file_holds_destroys_no_page(tmp_path):
    result().save_html(tmp_path / "page.html", title="a\ud800b")
    assert r"<title>a\ud800b" in (tmp_path / "page.html").read_text(encoding="utf-8")


OWN = {
    "graph.json": b'{"nodes": []}',
    "graph2.json": b"{}",
    ".notes.tmp": b"mine",
    ".graph.json.0123456789abcdef.tmp": b"mine",
    ".graph.json.1234.tmp": b"",
    "lock": b"mine",
    "notes.txt": b"mine",
}


@pytest.mark.parametrize("name", OWN)
def test_somebodys_files_are_neither_written_over_nor_removed(name, tmp_path):
    (tmp_path / name).write_bytes(OWN[name])
    with pytest.raises(pf.RunExistsError, match="and no run directory"):
        ask(tmp_path)
    assert names(tmp_path) == [name]
    assert (tmp_path / name).read_bytes() == OWN[name]


def test_what_a_killed_run_left_is_gone_on_with(tmp_path):
    ask(tmp_path / "one")
    graph = (tmp_path / "one" / "graph.json").read_bytes()
    folder = tmp_path / "two"
    folder.mkdir()
    (folder / "lock").write_text(json.dumps({"pid": 1, "host": "h"}))
    (folder / "graph.json").write_bytes(graph)
    (folder / ".graph.json.0123456789abcdef.tmp").write_bytes(graph[:9])
    (folder / ".manifest.json.0123456789abcdef.tmp").write_bytes(b"")
    ask(folder)
    assert names(folder) == names(tmp_path / "one")


def test_only_drafts_of_the_run_are_removed_from_its_folder(tmp_path):
    ask(tmp_path)
    before = names(tmp_path)
    kept = [".notes.tmp", ".influences.0123456789abcdef.tmp", ".graph.json.12.tmp"]
    ours = [".influences-000001.npy.0123456789abcdef.tmp", ".manifest.json.0123456789abcdef.tmp"]
    for name in kept + ours:
        (tmp_path / name).write_text("")
    (tmp_path / ".graph.json.0123456789abcdef.tmp").mkdir()
    ask(tmp_path)
    assert names(tmp_path) == sorted([*before, *kept, ".graph.json.0123456789abcdef.tmp"])


BAD = [None, 3, b"run", "", "a\0b", "a\ud800b", ["run"]]


@pytest.mark.parametrize("path", BAD)
def test_what_is_no_path(path, unchecked):
    for call in (
        result().save, pf.load, pf.open_run, pf.EnumerateTo, result().save_html,
        lambda p: exports.write_csv(result(), p),
    ):  # fmt: skip
        with pytest.raises(pf.ArgumentError, match="can be no path; give a text"):
            call(path)


@pytest.mark.parametrize("path", [".", "../here", Path()])
def test_the_current_folder(path, tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(pf.ArgumentError, match="is the current folder; give the name of a new"):
        result().save(path)
    # A run is written into the folder, which it does not make anew.
    ask(path)
    assert pf.load(path).total == pf.load(tmp_path / "here").total


def test_the_cause_is_named(tmp_path):
    result().save(tmp_path / "run")
    with pytest.raises(
        pf.StorageError, match=r"is a file, and no folder; give the folder that it is in, .*run\."
    ):
        pf.load(tmp_path / "run" / "manifest.json")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    (tmp_path / "linked").symlink_to(tmp_path)
    for name in ("link", "linked"):
        with pytest.raises(pf.RunExistsError, match="is a link"):
            result().save(tmp_path / name)
    with pytest.raises(pf.RunWriteError, match="give a shorter name"):
        result().save(tmp_path / ("n" * 300))
    with pytest.raises(pf.RunWriteError, match="a file stands where a folder must be"):
        result().save(tmp_path / "run" / "manifest.json" / "more")
    with pytest.raises(pf.StorageError, match="holds no manifest.json|too long"):
        pf.load(tmp_path / ("n" * 300))


def test_a_run_into_a_link_or_a_file(tmp_path):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for name in ("file", "file/more", "link"):
        with pytest.raises(pf.RunWriteError, match="a file stands where a folder must be"):
            ask(tmp_path / name)
    assert jnp.isfinite(ask(tmp_path / "run").total)
