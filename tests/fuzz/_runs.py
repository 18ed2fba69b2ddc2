"""Run directories: files that were damaged, and manifests that somebody made up and sealed."""

import json
import tempfile
import unicodedata
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st

import pathflow as pf
from pathflow.storage import Manifest, digest_of
from tests.fuzz._mutations import edited_json, json_texts, mutated
from tests.fuzz._parser import Parser
from tests.helpers._results import KINDS, make

# More is not written when a manifest that claims it is sealed.
_MOST_BYTES = 2**20
_MANIFEST = "manifest.json"

Files = dict[str, bytes]


def _content(folder: Path) -> Files:
    return {p.name: p.read_bytes() for p in sorted(folder.iterdir())}


@cache
def _saved() -> dict[str, Files]:
    """A result of each kind, for one example and for a batch."""
    found = {}
    for kind in KINDS:
        for batch in (None, 2):
            with tempfile.TemporaryDirectory() as folder:
                make(kind, batch).save(Path(folder, "run"))
                found[f"{kind} {batch}"] = _content(Path(folder, "run"))
    return found


def _write(folder: Path, files: Files) -> None:
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)


# ---- damaged


@st.composite
def _damaged(draw: Any) -> tuple[Files, Files]:
    """A folder as it was written, and with one file changed, missing, or that of another one."""
    saved = _saved()
    name = draw(st.sampled_from(sorted(saved)))
    before = saved[name]
    file = draw(st.sampled_from(sorted(before)))
    match draw(st.integers(0, 5)):
        case 0:
            changed = {n: c for n, c in before.items() if n != file}
        case 1:
            other = saved[draw(st.sampled_from(sorted(saved)))]
            changed = before | {file: other[draw(st.sampled_from(sorted(other)))]}
        case 2 if file.endswith(".json"):
            text = draw(json_texts([json.loads(before[file])]))
            changed = before | {file: text.encode("utf-8", "surrogatepass")}
        case _:
            changed = before | {file: draw(mutated({"": before[file]}))}
    return before, changed


def _read_damaged(folders: tuple[Files, Files], folder: Path) -> None:
    before, changed = folders
    _write(folder / "run", changed)
    pf.load(folder / "run").save(folder / "again")
    # Nothing that was changed came through.
    assert _content(folder / "again") == before


# ---- made up


@st.composite
def _forged(draw: Any) -> Files:
    """A folder whose manifest or graph was changed, with the digests that belong to it."""
    files = dict(_saved()[draw(st.sampled_from(sorted(_saved())))])
    manifest = json.loads(files[_MANIFEST])
    if draw(st.integers(0, 2)):
        # Mostly what the result is made of: the rest is checked before.
        part = draw(st.sampled_from(("value", "value", "value", "arrays", "settings")))
        manifest[part] = draw(edited_json([manifest[part]]))
    else:
        graphs = sorted(manifest["graphs"])
        if not graphs:
            return files
        name = draw(st.sampled_from(graphs))
        graph = draw(edited_json([json.loads(files[f"{name}.json"])]))
        files[f"{name}.json"] = json.dumps(graph).encode()
        manifest["graphs"][name] = digest_of(graph)
    manifest.pop("digest", None)
    manifest["digest"] = digest_of(manifest)
    files[_MANIFEST] = json.dumps(manifest).encode()
    return files


def _read_forged(files: Files, folder: Path) -> None:
    run = folder / "run"
    _write(run, files)
    _seal(run)
    result = pf.load(run)
    _use(result)
    result.save(folder / "again")
    assert type(pf.load(folder / "again")) is type(result)
    _use_run(run)


def _seal(run: Path) -> None:
    """Writes blocks for the arrays that the manifest names, whatever it says of them."""
    manifest = Manifest.read(run)
    if sum(a.nbytes for a in manifest.arrays.values()) > _MOST_BYTES:
        return
    for array in manifest.arrays.values():
        if array.count * np.prod(array.block, dtype=float) < _MOST_BYTES and array.count < 50:
            for number in range(array.count):
                shape = tuple(s.stop - s.start for s in array.place(number))
                numbers = np.arange(np.prod(shape, dtype=int)) % 100
                array.write(run, manifest.key, number, numbers.astype(array.dtype).reshape(shape))


def _use(result: Any) -> None:
    """Whatever one may ask of a result; refusals are fine, and crashes are not."""
    for ask in (
        lambda r: shown(repr(r)),
        lambda r: shown(str(r)),
        lambda r: shown(str(r.audit)),
        lambda r: [shown(str(row)) for row in r.top(3)],
        lambda r: r._repr_mimebundle_(),
        lambda r: r.total,
        lambda r: r.to_pandas(),
        lambda r: r.audit.ok,
    ):
        try:
            ask(result)
        except (pf.PathflowError, AttributeError) as error:
            # Some kinds have no audit or no list.
            if isinstance(error, AttributeError) and error.obj is not result:
                raise


def shown(text: str) -> None:
    """Nothing steers the terminal."""
    assert all(unicodedata.category(c) not in ("Cc", "Cs") or c in "\n\t" for c in text), text


def _use_run(run: Path) -> None:
    try:
        opened = pf.open_run(run)
        repr(opened)
        list(opened.blocks())
        opened.top(2)
    except pf.PathflowError:
        pass


PARSERS = (
    Parser("damaged run directories", _damaged, _read_damaged, 60),
    Parser("forged run directories", _forged, _read_forged, 50),
)
