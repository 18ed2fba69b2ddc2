"""What a run directory says of itself: its manifest and its graphs."""

import importlib.metadata
import platform
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pathflow._errors import (
    DamagedRunError,
    MissingBlockError,
    PathflowError,
    SchemaVersionError,
    StorageError,
    told,
)
from pathflow._version import __version__
from pathflow.storage._blocks import BlockedArray
from pathflow.storage._files import is_draft_of, write_atomic
from pathflow.storage._shard import Shard
from pathflow.storage._text import digest_of, read_text, text_of

FORMAT, SCHEMA, MANIFEST = "pathflow.run", 1, "manifest.json"
# What the fields are, and how the kinds are called.
_FIELDS = {
    "kind": str, "complete": bool, "versions": dict, "settings": dict, "arrays": dict,
    "graphs": dict,
}  # fmt: skip
_WORDS = {str: "a text", bool: "true or false", dict: "a table of names and values"}
_SHOWN = 60
_GRAPH = re.compile(r"graph[0-9]{0,3}")


def versions() -> dict[str, str]:
    """What wrote a run."""
    found = {name: importlib.metadata.version(name) for name in ("jax", "jaxlib", "numpy")}
    return {"pathflow": __version__, "python": platform.python_version(), **found}


@dataclass(frozen=True)
class Manifest:
    """The manifest of a run directory.

    Arguments:
        kind: of the result.
        value: the result, with arrays and graphs by name.
        arrays: how each array is kept.
        graphs: each graph, by its file's name without the ending; in the manifest stands a digest.
        settings: what the values depend on.
        versions: of the libraries that wrote it.
        complete: whether every block is written; of a shard, every block of its own.
        shard: which part of the run the folder holds; None where it is the whole.
    """

    kind: str
    value: Any
    arrays: Mapping[str, BlockedArray]
    graphs: Mapping[str, Any]
    settings: Mapping[str, Any]
    versions: Mapping[str, str] = field(default_factory=versions)
    complete: bool = True
    shard: Shard | None = None

    @property
    def key(self) -> str:
        """What tells the run's blocks from those of other runs."""
        shapes = {a.name: [a.dtype, a.shape, a.block] for a in self.arrays.values()}
        graphs = {name: digest_of(graph) for name, graph in self.graphs.items()}
        settled = None if self.settings else self.value
        return digest_of([self.kind, dict(self.settings), shapes, graphs, settled])

    def write(self, folder: Path) -> None:
        """Writes the graphs, and then the manifest."""
        for name, text in self.texts().items():
            write_atomic(folder / name, text)

    def write_manifest(self, folder: Path) -> None:
        """Writes the manifest alone."""
        write_atomic(folder / MANIFEST, self._text())

    def texts(self) -> dict[str, bytes]:
        """What the files of the graphs hold, by their names, and last the manifest's."""
        graphs = {f"{n}.json": text_of(g, f"{n}.json") for n, g in self.graphs.items()}
        return {**graphs, MANIFEST: self._text()}

    def is_draft(self, file: str) -> bool:
        """Whether a name is that of a file of this run which was not yet whole."""
        texts = (MANIFEST, *(f"{name}.json" for name in self.graphs))
        block = "|".join(map(re.escape, self.arrays))
        found = re.match(rf"\.((?:{block})-[0-9]+\.npy)\.", file)
        return any(is_draft_of(file, name) for name in (*texts, *(found.groups() if found else ())))

    def _text(self) -> bytes:
        content: dict[str, Any] = {
            "format": FORMAT,
            "schema": SCHEMA,
            "kind": self.kind,
            "complete": self.complete,
            "versions": dict(self.versions),
            "settings": dict(self.settings),
            "arrays": {
                a.name: {"dtype": a.dtype, "shape": a.shape, "block": a.block}
                for a in self.arrays.values()
            },
            "graphs": {name: digest_of(graph) for name, graph in self.graphs.items()},
            "value": self.value,
        }
        if self.shard is not None:
            content["shard"] = {"index": self.shard.index, "of": self.shard.of}
        content["digest"] = digest_of(content)
        return text_of(content, MANIFEST)

    @classmethod
    def read(cls, folder: Path) -> "Manifest":
        """The manifest of a folder, verified with its graphs.

        Raises:
            StorageError: the folder is no run directory.
            SchemaVersionError: it has another layout.
            DamagedRunError: it is not what was written.
        """
        try:
            content = read_text(folder, MANIFEST)
        except MissingBlockError:
            raise StorageError(
                f"{folder} is no run directory: it holds no {MANIFEST}. Give the folder that "
                "result.save(...) or pathflow.EnumerateTo(...) made."
            ) from None
        _check(folder, content)
        try:
            arrays = {
                name: BlockedArray(name, a["dtype"], tuple(a["shape"]), tuple(a["block"]))
                for name, a in content["arrays"].items()
            }
            graphs = {name: _graph(folder, name, d) for name, d in content["graphs"].items()}
            return cls(
                content["kind"],
                content["value"],
                arrays,
                graphs,
                content["settings"],
                content["versions"],
                content["complete"],
                Shard(**content["shard"]) if "shard" in content else None,
            )
        except DamagedRunError:
            raise
        except (PathflowError, AttributeError, KeyError, TypeError, ValueError) as error:
            raise damaged(folder, error) from error


def damaged(folder: Path, error: Exception) -> DamagedRunError:
    """What to say of a manifest that cannot be understood."""
    return DamagedRunError(
        f"{folder / MANIFEST} cannot be understood ({told(error)}); it is "
        "damaged, or was not written by pathflow."
    )


def _check(folder: Path, content: Any) -> None:
    at = folder / MANIFEST
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise DamagedRunError(f"{at} is no manifest of a run directory, or is damaged.")
    if type(content.get("schema")) is not int or content["schema"] != SCHEMA:
        raise SchemaVersionError(
            f"{at} has the schema version {content.get('schema')!r}, and this pathflow reads "
            f"{SCHEMA}; read it with the version of pathflow that wrote it "
            f"({_writer(content)})."
        )
    if content.pop("digest", None) != digest_of(content):
        raise DamagedRunError(
            f"{at} is not what was written (its digest differs); it is damaged. Fetch it again."
        )
    for name, kind in _FIELDS.items():
        if not isinstance(content.get(name), kind):
            raise DamagedRunError(
                f"{at} holds {str(content.get(name))[:_SHOWN]!r} as {name!r}, where "
                f"{_WORDS[kind]} belongs; it is damaged, or was not written by pathflow."
            )
    for name in ("versions", "graphs"):
        if not all(isinstance(text, str) for text in content[name].values()):
            raise DamagedRunError(f"{at} holds {name!r} that are no texts; it is damaged.")


def _writer(content: dict[str, Any]) -> str:
    stated = content.get("versions")
    version = stated.get("pathflow") if isinstance(stated, dict) else None
    return version[:20] if isinstance(version, str) else "not stated"


def _graph(folder: Path, name: str, digest: str) -> Any:
    if not _GRAPH.fullmatch(name):
        raise DamagedRunError(f"{folder / MANIFEST} names a graph {name!r}; it is damaged.")
    graph = read_text(folder, f"{name}.json")
    if digest_of(graph) != digest:
        raise DamagedRunError(
            f"{folder / name}.json is not what was written (its digest differs); it is damaged. "
            "Fetch it again."
        )
    return graph
