"""A run directory that is written block by block, and gone on with."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pathflow._errors import (
    CodeChangedError,
    ParametersChangedError,
    RunChangedError,
    RunExistsError,
    SettingsChangedError,
)
from pathflow.storage._files import is_draft_of, named_refusals
from pathflow.storage._lock import LOCK, is_lock, locked
from pathflow.storage._manifest import MANIFEST, Manifest
from pathflow.storage._shard import shard_named
from pathflow.storage._text import canonical

# Which error says that a group of settings differs; any other group is a setting.
_GROUPS = {
    "arguments": ParametersChangedError,
    "constants": ParametersChangedError,
    "code": CodeChangedError,
    "graph": CodeChangedError,
}
_DIGESTS = {
    "code": "another function: the digest of its equations",
    "graph": "another graph: the digest of its nodes and edges",
}
_SHOWN = 80
# So much of a digest tells two apart.
_DIGEST, _TOLD = re.compile("[0-9a-f]{64}"), 12


@contextmanager
def writing(folder: Path, manifest: Manifest, *, merged: bool = False) -> Iterator[None]:
    """Makes a run directory, or goes on with one, while it is locked against others.

    Arguments:
        folder: where.
        manifest: of the run as it begins.
        merged: the folders of the run's shards may be in it.

    Raises:
        RunLockedError: somebody else writes there.
        RunExistsError: the folder holds something else.
        RunChangedError: it holds a run of other values; the subclass and the message say of what.
        SchemaVersionError, DamagedRunError: what it holds cannot be gone on with.
        RunWriteError: the system refuses.
    """
    with named_refusals(folder):
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / MANIFEST).exists():
            _check_empty(folder, manifest, merged=merged)
    with locked(folder):
        if (folder / MANIFEST).exists():
            check_same(folder, Manifest.read(folder), manifest)
            with named_refusals(folder):
                _remove_drafts(folder, manifest)
        else:
            with named_refusals(folder):
                # Again, as nobody else writes now.
                _check_empty(folder, manifest, merged=merged)
                _remove_drafts(folder, manifest)
                manifest.write(folder)
        yield


def _check_empty(folder: Path, manifest: Manifest, *, merged: bool) -> None:
    """Refuses a folder with anything that this run would not have written.

    One that was killed at its very beginning left the lock, graphs and drafts of them. Each is told
    by its content: a name alone may be that of somebody's own file.
    """
    texts = manifest.texts()
    for path in folder.iterdir():
        shard = shard_named(path.name) is not None and path.is_dir()
        if not (shard and merged) and not _is_ours(path, texts):
            raise RunExistsError(
                f"{folder} holds {path.name!r} and no run directory; give an empty or a new folder"
                f"{', or join its shards by pathflow.merge' * shard}."
            )


def _is_ours(path: Path, texts: Mapping[str, bytes]) -> bool:
    if path.is_symlink() or not path.is_file():
        return False
    if path.name == LOCK:
        return is_lock(path)
    if path.name in texts:
        return _content(path, texts[path.name]) == texts[path.name]
    drafted = [text for name, text in texts.items() if is_draft_of(path.name, name)]
    # A draft is cut short where its writer was killed.
    return any(text.startswith(_content(path, text)) for text in drafted)


def _content(path: Path, expected: bytes) -> bytes:
    """What a file holds, no more than a byte beyond what is expected."""
    with path.open("rb") as file:
        return file.read(len(expected) + 1)


def _remove_drafts(folder: Path, manifest: Manifest) -> None:
    """Removes what a killed writer of this run had begun; nobody else writes now."""
    for path in folder.iterdir():
        if manifest.is_draft(path.name) and not path.is_dir():
            path.unlink(missing_ok=True)


def check_same(folder: Path, before: Manifest, now: Manifest) -> None:
    """Refuses to go on with a run of other values.

    Raises:
        RunChangedError: the values would be others.
    """
    found = difference(before, now)
    if found is not None:
        kind, what, old, new = found
        raise kind(
            f"{folder} was begun with {what} = {old}, and this call has {new}; values of both "
            "would be mixed. Ask as before, or give another folder."
        )
    if before.key != now.key:
        raise RunChangedError(
            f"{folder} holds a run of another shape or graph than this one; give another folder."
        )
    if before.shard != now.shard:
        raise SettingsChangedError(
            f"{folder} holds {before.shard or 'a whole run'}, and this call writes "
            f"{now.shard or 'a whole run'}; give another folder, or join shards by pathflow.merge."
        )


def check_run_in(folder: Path, manifest: Manifest) -> None:
    """Refuses a folder that holds another run; one that holds none is good.

    Raises:
        RunChangedError: it holds a run of other values.
        SchemaVersionError, DamagedRunError: what it holds cannot be read.
    """
    if (folder / MANIFEST).exists():
        check_same(folder, Manifest.read(folder), manifest)


def difference(
    before: Manifest, now: Manifest
) -> tuple[type[RunChangedError], str, str, str] | None:
    """The first setting in which two runs differ: the error that says so, its name, and what the
    two have; None where there is none.
    """
    old, new = _flat(before.settings), _flat(now.settings)
    differing = [k for k in dict.fromkeys((*new, *old)) if old.get(k) != new.get(k)]
    # What the user gives comes before what follows from it, as the cut into blocks does, and of
    # that the tiles.
    differing.sort(key=lambda key: (key[0] == "blocks") + (key[-1] == "tile"))
    for kind in (ParametersChangedError, CodeChangedError, SettingsChangedError):
        for key in differing:
            if _GROUPS.get(key[0], SettingsChangedError) is kind:
                return kind, _named(key), _short(old.get(key)), _short(new.get(key))
    return None


def _named(key: tuple[str, ...]) -> str:
    """A setting in words: what a digest is of is not seen from it."""
    group, *inner = key
    if group in _DIGESTS:
        return _DIGESTS[group]
    # The class of an object is kept as `is`, and its fields as `.name`.
    inside = " ".join(inner)
    return group if inside == "is" else f"{group}{inside if inside[:1] == '.' else f' {inside}'}"


def _short(text: str | None) -> str:
    if text is None:
        return "nothing"
    text = _DIGEST.sub(lambda match: f"{match[0][:_TOLD]}...", text)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _flat(settings: Mapping[str, Any]) -> dict[tuple[str, ...], str]:
    """The settings, groups of them opened, as JSON would hold them."""
    out = {}
    for group, value in settings.items():
        inner = value if isinstance(value, Mapping) else {"": value}
        for name, entry in inner.items():
            out[(group, name) if name else (group,)] = canonical(entry)
    return out
