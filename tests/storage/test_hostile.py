"""Folders that somebody made up: refused by name, with nothing run and little memory held."""

import io
import json
import os
import pickle
import struct
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pathflow as pf
from pathflow.storage import Manifest, digest_of

SPACE = pf.Graph([pf.Node("x"), pf.Node("a"), pf.Node("y")], [("x", "a"), ("a", "y"), ("x", "y")])
RAN = []


class Evil:
    """What a pickle could do."""

    def __reduce__(self):
        return RAN.append, ("ran",)


def result():
    audit = pf.Audit(structural=0.0, reference_total=1.0)
    return pf.Attribution(SPACE.paths("x", "y"), np.array([0.25, 0.75]), audit, {"seed": 3})


@pytest.fixture
def folder(tmp_path):
    result().save(tmp_path / "run")
    return tmp_path / "run"


def rewrite(folder, change):
    """Changes the manifest as somebody would who knows how it is sealed."""
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest = change(manifest) or manifest
    manifest.pop("digest", None)
    manifest["digest"] = digest_of(manifest)
    path.write_text(json.dumps(manifest))


def refuse(folder, message, kind=pf.StorageError):
    with pytest.raises(kind, match=message):
        pf.load(folder)
    with pytest.raises(kind, match=message):
        pf.load(folder, partial=True)
    assert not RAN


def npy(text, body=b""):
    text = text.encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + body


BLOCK = "influences-000000.npy"


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


FIELDS = {
    "kind": [None, 3, ["attribution"], {}],
    "complete": ["no", 0, 1, None, []],
    "versions": [3, [], "1", None, {"pathflow": 1}, {"jax": None}],
    "settings": [[1], 3, "a", None, True],
    "arrays": [[], 3, "a", None],
    "graphs": [[], 3, "a", None, {"graph": 3}, {"graph": None}],
}


@pytest.mark.parametrize(("name", "value"), [(n, v) for n in FIELDS for v in FIELDS[n]])
def test_fields_of_another_kind(folder, name, value):
    rewrite(folder, lambda m: m.update({name: value}))
    refuse(folder, "belongs; it is damaged|are no texts|digest differs", pf.DamagedRunError)
    rewrite(folder, lambda m: m.pop(name) and None)
    refuse(folder, f"holds 'None' as '{name}'", pf.DamagedRunError)


@pytest.mark.parametrize("schema", [True, 1.0, "1", None])
def test_a_schema_that_only_looks_like_one(folder, schema):
    rewrite(folder, lambda m: m.update(schema=schema))
    refuse(folder, "has the schema version", pf.SchemaVersionError)


VALUES = [
    None, 3, [], {}, "influences", {"is": "os.system", "of": {}}, {"is": "audit", "of": {}},
    {"is": "attribution", "of": {"space": 1}}, {"array": "influences"}, {"array": ["a"]},
    {"int": "zz"}, {"int": "0" * 10**6}, {"float": "x"}, {"map": 3}, {"tuple": 3}, {"set": [[]]},
    {"scalar": "object", "bytes": "00" * 8}, {"scalar": "float64", "bytes": "00"},
    {"space": "graph", "sources": [99], "target": 0}, {"nodes": "nowhere"}, {"json": 3},
    {"space": "graph", "sources": [], "target": 1},
    {"space": "nowhere", "sources": [0], "target": 1},
    {"is": "attribution", "array": "influences"}, {"json": {}, "tuple": []},
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
def test_values_that_are_none(folder, value):
    rewrite(folder, lambda m: m.update(value=value))
    refuse(folder, "cannot be understood|that is none|other bytes", pf.DamagedRunError)


@pytest.mark.parametrize("place", ["space", "influences", "audit", "metadata"])
@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
def test_parts_that_are_none(folder, place, value):
    """A part of another kind is refused, or at least ends in no error but pathflow's."""
    rewrite(folder, lambda m: m["value"]["of"].update({place: value}))
    with suppress(pf.DamagedRunError):
        pf.load(folder)
    assert not RAN


WRONG = {
    "attribution": {
        "audit": [None, 7, {"float": "0x1p0"}, {"json": {}}],
        "metadata": [None, 7, "a", {"tuple": []}, {"map": [[1, 2]]}],
        "space": [None, {"is": "audit"}],
        "influences": [None, {"tuple": [1, 2]}],
    },
    "ranked": {
        "ranks": [{"tuple": ["a", None]}, {"tuple": [2, 0]}, {"tuple": [-1, 0]}, None,
                  {"tuple": [True, 0]}, {"tuple": [{"float": "0x1p0"}, 0]}],
        "certificate": [None, 3],
    },
    "certificate": {
        "exact": [None, "yes", 1], "bound": [None, "a", {"tuple": []}], "unseen_count": [-1, None],
        "unseen_sum": [None, "a"], "followed": ["a", -1],
    },
    "audit": {
        "dtype": [None, 3, {"tuple": ["float64"]}], "blocked": [None, "a", {"tuple": [1]}],
        "n_steps": [0, -1, None, "a", {"float": "0x1p0"}], "scale": [None, 3],
        "structural": ["a", None, True, {"tuple": [1]}], "quadrature": ["a", {"array": "weights"}],
        "reference_total": [None, {"array": "weights"}],
    },
    "sampled": {
        "count": [-5, None, "a"], "ranks": [{"tuple": [0, 9, 0]}, {"tuple": ["a", "b", "c"]}],
        "total": [None, "a"], "known": [None, {"json": {}, "map": []}, {"map": [["a", 1]]},
                                        {"map": [[0, None]]}, {"map": [[9, {"array": "weights"}]]}],
        "head": [7, "a"],
    },
    "aggregation": {
        "names": ["ab", None, {"tuple": [1]}], "parts": [None, {"tuple": ["a"]}],
        "part_counts": [{"tuple": ["a"]}, {"tuple": [-1]}, 3],
    },
    "conductances": {"nodes": [None, {"tuple": ["x"]}], "edges": [{"tuple": ["xy"]}, 3]},
    "refinement": {"paths": [None, 3], "n_zeros": [-1, "a"], "table": [None], "parent": ["a"]},
    "parts": {"names": [{"tuple": ["ab"]}, None], "nodes": [{"tuple": ["x"]}]},
    "faithfulness": {"batched": [None, "no", 3], "ranking": ["ab", {"tuple": [1]}],
                     "sizes": [None, {"tuple": [1]}, {"array": "kept"}], "full": [None, "a"]},
}  # fmt: skip


def sound():
    """A result of each kind, by the kind of what it is made of."""
    space = SPACE.paths("x", "y")
    audit = pf.Audit(structural=0.0, reference_total=1.0)
    certificate = pf.Certificate(True, 1.0, 0.0, 0, 1)
    ranked = pf.Ranked(space, (1, 0), np.ones(2), certificate, audit)
    draws = np.ones(3)
    sampled = pf.Sampled(space, 2, (0, 1, 0), draws, draws, 1.0, {}, ranked, audit)
    classes = pf.Aggregation(("a",), (frozenset("a"),), np.ones(1), (2,), audit)
    edges = tuple((u, v) for u in space.nodes for v in space.successors(u))
    conductances = pf.Conductances(
        space.nodes, np.ones(3), edges, np.ones(3), np.float64(1.0), audit
    )
    table = pf.PartTable([pf.Node("x")], [["0", "1"]], np.array([[0], [1]]))
    refinement = pf.Refinement("x .* y", table, np.ones(2), 2.0, 0, audit)
    curve = pf.Faithfulness(np.arange(2), np.ones(2), np.ones(()), np.ones(()), ("a",), False)
    return {
        "attribution": result(), "ranked": ranked, "certificate": ranked, "audit": sampled,
        "sampled": sampled, "aggregation": classes, "conductances": conductances,
        "refinement": refinement, "parts": refinement, "faithfulness": curve,
    }  # fmt: skip


def inside(value, tag):
    """The first thing of a kind in a manifest's value."""
    if isinstance(value, dict):
        if value.get("is") == tag:
            return value
        value = list(value.values())
    found = (inside(v, tag) for v in value) if isinstance(value, list) else ()
    return next((f for f in found if f is not None), None)


@pytest.mark.parametrize(("tag", "name"), [(t, n) for t in WRONG for n in WRONG[t]])
def test_a_field_that_is_none_is_refused_when_it_is_loaded(tmp_path, unchecked, tag, name):
    for i, value in enumerate(WRONG[tag][name]):
        folder = tmp_path / f"run{i}"
        sound()[tag].save(folder)
        pf.load(folder)
        before = Manifest.read(folder)

        def change(manifest, value=value):
            inside(manifest["value"], tag)["of"][name] = value

        rewrite(folder, change)
        sealed(folder, before)
        with pytest.raises(pf.DamagedRunError, match=r"cannot be understood \((?!Type|Attr)"):
            pf.load(folder)


def sealed(folder, before):
    """Writes the blocks anew, with the digests that belong to a changed manifest."""
    now = Manifest.read(folder)
    for array in before.arrays.values():
        for number in range(array.count):
            values = array.read(folder, before.key, number).copy()
            array.write(folder, now.key, number, values)


def test_a_graph_that_is_none(folder):
    for graph in ([], {}, {"nodes": 3}, {"nodes": [{}], "edges": []}, {"nodes": [], "edges": [1]}):
        (folder / "graph.json").write_text(json.dumps(graph))
        rewrite(folder, lambda m, graph=graph: m["graphs"].update(graph=digest_of(graph)))
        refuse(folder, "cannot be understood", pf.DamagedRunError)


def test_a_graph_with_a_cycle(folder):
    graph = json.loads((folder / "graph.json").read_text())
    graph["edges"].append({"source": "y", "target": "x"})
    (folder / "graph.json").write_text(json.dumps(graph))
    rewrite(folder, lambda m: m["graphs"].update(graph=digest_of(graph)))
    refuse(folder, "cycle", pf.DamagedRunError)


@pytest.mark.parametrize("depth", [65, 10**5, 10**6])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_deep_nesting(folder, depth, opening, closing):
    (folder / "manifest.json").write_text(opening * depth + "1" + closing * depth)
    refuse(folder, "nests lists more than 64 deep", pf.DamagedRunError)
    (folder / "manifest.json").write_text(opening * depth)
    refuse(folder, "nests lists more than 64 deep", pf.DamagedRunError)


def test_an_entry_that_is_there_twice(folder):
    """Readers disagree on which one counts, so a reviewer could be shown another than is used."""
    text = (folder / "manifest.json").read_text()
    for entry in ('"complete": true', '"kind": "attribution"', '"array": "influences"'):
        assert entry in text
        (folder / "manifest.json").write_text(text.replace(entry, f"{entry}, {entry}"))
        refuse(folder, "twice in one object", pf.DamagedRunError)


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e999", "9" * 5000, "1" * 400])
def test_numbers_that_are_none(folder, number):
    text = (folder / "manifest.json").read_text()
    (folder / "manifest.json").write_text(text.replace('"schema": 1', f'"schema": {number}'))
    refuse(folder, "schema version|is no JSON", (pf.SchemaVersionError, pf.DamagedRunError))


def test_brackets_in_texts_are_no_nesting(tmp_path):
    audit = pf.Audit(structural=0.0, reference_total=1.0)
    for text in ("[" * 500, '"[' * 500, '\\"' * 99 + "{" * 500, "\\", '\\\\"[' * 300):
        one = pf.Attribution(SPACE.paths("x", "y"), np.ones(2), audit, {"text": text})
        one.save(tmp_path / "run")
        assert pf.load(tmp_path / "run").metadata == {"text": text}
        for path in (tmp_path / "run").iterdir():
            path.unlink()


@given(st.binary(max_size=200) | st.text('[]{}":,\\0aé').map(str.encode))
def test_any_bytes_as_a_manifest(bytes_):
    with tempfile.TemporaryDirectory() as name:
        Path(name, "manifest.json").write_bytes(bytes_)
        with pytest.raises(pf.StorageError):
            pf.load(name)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)


@given(st.data())
def test_any_change_of_the_manifest(data):
    """Whatever stands at whatever place: a result, or an error of pathflow's."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "run")
        result().save(folder)

        def change(manifest):
            at = manifest
            while True:
                keys = list(at) if isinstance(at, dict) else range(len(at))
                key = data.draw(st.sampled_from(list(keys)))
                if not isinstance(at[key], dict | list) or not at[key] or data.draw(st.booleans()):
                    at[key] = data.draw(JSON)
                    return
                at = at[key]

        rewrite(folder, change)
        with suppress(pf.StorageError, pf.TooManyPathsError):
            pf.load(folder)
        assert not RAN


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
