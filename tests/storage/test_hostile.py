"""Folders that somebody made up: refused by name, with nothing run and little memory held."""

import io
import os
import pickle
import struct
import subprocess
import sys

import numpy as np
import pytest

import pathflow as pf
from tests.storage._hostile import RAN, Evil, refuse, rewrite


def npy(text, body=b""):
    text = text.encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + body


BLOCK = "influences-000000.npy"


def test_a_pickle_that_is_opened_is_seen():
    pickle.loads(pickle.dumps(Evil()))  # noqa: S301  (our own)
    assert RAN
    RAN.clear()


def test_a_pickled_array_is_not_opened(folder):
    stream = io.BytesIO()
    np.save(stream, np.array([Evil()], object), allow_pickle=True)
    # As long as the right file, so that its size does not give it away.
    size = (folder / BLOCK).stat().st_size
    (folder / BLOCK).write_bytes(stream.getvalue()[:size].ljust(size, b"\0"))
    refuse(folder, "is no array of float64", pf.DamagedRunError)


def test_a_pickle_in_place_of_the_manifest(folder):
    (folder / "manifest.json").write_bytes(pickle.dumps(Evil()))
    refuse(folder, "manifest.json is no JSON", pf.DamagedRunError)


HEADERS = [
    npy("{'descr': '|O', 'fortran_order': False, 'shape': (2,), }\n"),
    npy("{'descr': '<f8', 'fortran_order': False, 'shape': (10000000000,), }\n"),
    npy(f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({10**15},), }}\n"),
    npy("__import__('os').system('true')\n"),
    b"\x93NUMPY\x03\x00" + struct.pack("<I", 2**31) + b"{" * 300,
    b"\x93NUMPY\x01\x00\xff\xff" + b"(" * 300,
    b"\x80\x04",
]


@pytest.mark.parametrize("header", HEADERS)
def test_a_header_is_compared_and_never_read(folder, header):
    size = (folder / BLOCK).stat().st_size
    (folder / BLOCK).write_bytes(header[:size].ljust(size, b"\0"))
    refuse(folder, "is no array of float64 of shape", pf.DamagedRunError)
    (folder / BLOCK).write_bytes(header + b"\0" * size)
    refuse(folder, "was cut short or is damaged", pf.DamagedRunError)


def test_links_are_not_followed(folder, tmp_path):
    (folder / BLOCK).rename(tmp_path / "elsewhere.npy")
    (folder / BLOCK).symlink_to(tmp_path / "elsewhere.npy")
    refuse(folder, "holds plain files, and no links", pf.DamagedRunError)
    (folder / "manifest.json").rename(tmp_path / "manifest.json")
    (folder / "manifest.json").symlink_to("../manifest.json")
    refuse(folder, "holds plain files, and no links", pf.DamagedRunError)


def test_a_lock_that_is_a_link_is_not_written_through(folder, tmp_path):
    from pathflow.storage._lock import locked

    (tmp_path / "mine").write_text("mine")
    (folder / "lock").symlink_to(tmp_path / "mine")
    with pytest.raises(pf.RunWriteError, match="cannot be written"), locked(folder):
        pass
    assert (tmp_path / "mine").read_text() == "mine"


def test_pipes_and_folders_do_not_block(folder):
    for make in (os.mkfifo, os.mkdir):
        (folder / BLOCK).unlink(missing_ok=True)
        make(folder / BLOCK)
        refuse(folder, "is no plain file", pf.DamagedRunError)
        (folder / BLOCK).unlink() if make is os.mkfifo else (folder / BLOCK).rmdir()


NAMES = ["../influences", "/etc/passwd", "..", "", "a/b", "a\\b", "A", "x" * 99, "a\n", "a\0", "é"]


@pytest.mark.parametrize("name", NAMES)
def test_names_cannot_leave_the_folder(folder, name):
    def arrays(manifest):
        manifest["arrays"][name] = manifest["arrays"].pop("influences")
        manifest["value"]["of"]["influences"] = {"array": name}

    def graphs(manifest):
        manifest["graphs"][name] = manifest["graphs"].pop("graph")
        manifest["value"]["of"]["space"]["space"] = name

    before = (folder / "manifest.json").read_text()
    rewrite(folder, arrays)
    refuse(folder, "can be no name of an array", pf.DamagedRunError)
    (folder / "manifest.json").write_text(before)
    rewrite(folder, graphs)
    refuse(folder, "names a graph .*it is damaged", pf.DamagedRunError)


SHAPES = [
    [10**10], [-1], [2**70], ["2"], [2.0], [True], [[2]], [2, 1], [], "2", None, {}, [10**5] * 20,
]  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("both", [False, True])
def test_shapes_are_checked_before_anything_is_read(folder, shape, both):
    def change(manifest):
        manifest["arrays"]["influences"]["shape"] = shape
        if both:
            manifest["arrays"]["influences"]["block"] = shape

    rewrite(folder, change)
    refuse(
        folder,
        "cannot be understood|takes .* bytes|is no array",
        (pf.DamagedRunError, pf.TooManyPathsError),
    )


def test_many_blocks_that_are_not_there_are_not_looked_for(folder):
    (folder / BLOCK).unlink()
    rewrite(folder, lambda m: m["arrays"]["influences"].update(shape=[2**23], block=[1]))
    refuse(folder, "influences-000000.npy is missing|has shape", pf.DamagedRunError)


DTYPES = ["object", "O", "V8", "datetime64[s]", "<f8", "float128", "U5", 3, None, ["float64"]]


@pytest.mark.parametrize("dtype", DTYPES)
def test_only_numbers_are_kept(folder, dtype):
    rewrite(folder, lambda m: m["arrays"]["influences"].update(dtype=dtype))
    refuse(folder, "cannot be understood", pf.DamagedRunError)


LARGE = """
import resource, sys
import pathflow as pf
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    pf.load(sys.argv[1], memory=2**20)
except pf.PathflowError as error:
    print(type(error).__name__, error)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def load_elsewhere(folder):
    """What loading says in a process of its own, and by how many MiB that grew."""
    done = subprocess.run(
        [sys.executable, "-c", LARGE, str(folder)], capture_output=True, text=True, check=True
    )
    message, grown = done.stdout.strip().rsplit("\n", 1)
    return message, int(grown)


def test_files_of_ten_gigabytes_take_no_memory(folder):
    def sparse(name, size):
        with (folder / name).open("r+b") as file:
            file.truncate(size)

    sparse(BLOCK, 10**10)
    message, grown = load_elsewhere(folder)
    assert "DamagedRunError" in message
    assert "takes 10,000,000,000 bytes" in message
    assert grown < 20

    # Declared as large, in many blocks, it is refused before the first is opened.
    rewrite(folder, lambda m: m["arrays"]["influences"].update(shape=[10**10], block=[10**6]))
    message, grown = load_elsewhere(folder)
    assert message.startswith("TooManyPathsError array 'influences'")
    assert grown < 20

    sparse("manifest.json", 10**10)
    message, grown = load_elsewhere(folder)
    assert "DamagedRunError" in message
    assert "no more than 67,108,864 are read" in message
    assert grown < 20
