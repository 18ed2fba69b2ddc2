"""Manifests that somebody made up and sealed: refused by name, or a result, and nothing is run."""

import json
import tempfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pathflow as pf
from pathflow.storage import Manifest, digest_of
from tests.storage._hostile import RAN, SPACE, refuse, result, rewrite

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
