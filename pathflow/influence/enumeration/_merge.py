"""Shards of a run, joined."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice, pairwise
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from pathflow._errors import (
    ArgumentError,
    DamagedRunError,
    MissingBlockError,
    RunChangedError,
    SettingsChangedError,
    UnfinishedRunError,
)
from pathflow.influence.enumeration._block_sums import BlockSums, added_sums, sums_of
from pathflow.influence.question._audit import structural_residual
from pathflow.results import Attribution, Run, finish_run, open_run, rebuilt
from pathflow.storage import (
    BlockedArray,
    Manifest,
    Shard,
    check_room,
    difference,
    named_refusals,
    path_of,
    read_array,
    shard_folders,
    writing,
)

_ARRAY, _LISTED = "influences", 10


def merge(
    folder: Path | str, shards: Iterable[Path | str] | None = None, *, partial: bool = False
) -> Run:
    """Joins the shards of a run, to the last bit what one process would have written.

    Every block is verified and copied; the shards are left as they are, and may be deleted then. A
    call that was stopped goes on. The same shard may be there twice, as it is where a machine was
    thought lost: what both hold must be equal.

    Arguments:
        folder: the run's folder, as in `pathflow.EnumerateTo(folder, shard=...)`.
        shards: the folders of the shards, where they are not in it.
        partial: join what there is. The run is then one that was stopped: what is missing is NaN in
            `pathflow.load(..., partial=True)`, and `pathflow.EnumerateTo(folder)` goes on with it.

    Returns:
        The run.

    Raises:
        UnfinishedRunError: shards are missing or not finished; the message names them.
        ParametersChangedError, CodeChangedError, SettingsChangedError: two shards are of runs with
            other arguments, of another function or graph, of other settings, or of another number
            of shards; or the folder holds another run.
        MissingBlockError, DamagedRunError: a file is missing, is not what was written, or two
            copies of a shard differ.
        ArgumentError: there are no shards, or a folder holds no shard.
        RunExistsError, RunLockedError, RunWriteError, DiskFullError: as `pathflow.EnumerateTo`.

    Example:
        ```python
        run = pf.merge("runs/primary")
        ```
    """
    target = path_of(folder, "merge(folder)")
    parts = _Parts(tuple(_part(at) for at in _folders(target, shards)))
    parts.check_alike()
    if not partial:
        parts.check_complete(target)
    manifest = replace(parts.first.manifest, shard=None, complete=False)
    with writing(target, manifest, merged=True):
        found = _copied(target, manifest, parts, partial=partial)
        if found is not None:
            with named_refusals(target):
                finish_run(target, manifest, parts.result(added_sums(parts.layout, found)))
    return open_run(target)


@dataclass(frozen=True)
class _Part:
    """A shard's folder, and what it says of itself."""

    folder: Path
    manifest: Manifest
    shard: Shard

    @property
    def layout(self) -> BlockedArray:
        return self.manifest.arrays[_ARRAY]

    def result(self) -> Attribution:
        """The result but for the influences; of a shard that is complete."""

        def array(name: str) -> Any:
            found = self.manifest.arrays[name]
            if name == _ARRAY:
                return np.broadcast_to(np.array(np.nan, found.dtype), found.shape)
            return read_array(self.folder, self.manifest, name, partial=False, memory=found.nbytes)

        return rebuilt(self.folder, self.manifest, array)


def _folders(target: Path, given: Iterable[Path | str] | None) -> list[Path]:
    if isinstance(given, str | Path):
        raise ArgumentError(
            f"merge(shards={str(given)!r:.60}) takes the folders of all shards, and a single one "
            "came; give a list of them, as in [...]."
        )
    if given is not None:
        folders = [path_of(at, "merge(shards=...)") for at in given]
    else:
        folders = shard_folders(target) if target.is_dir() else []
    if not folders:
        raise ArgumentError(
            f"merge({str(target)!r}): there are no shards in it; write some by "
            "EnumerateTo(folder, shard=Shard(0, 8)) and so on, or name their folders by "
            "merge(shards=...)."
        )
    return folders


def _part(folder: Path) -> _Part:
    manifest = Manifest.read(folder)
    if manifest.shard is None or _ARRAY not in manifest.arrays:
        raise ArgumentError(
            f"merge: {folder} holds a whole result of the kind {manifest.kind!r} and no shard; "
            "leave it out."
        )
    return _Part(folder, manifest, manifest.shard)


@dataclass(frozen=True)
class _Parts:
    """All shards that are there."""

    parts: tuple[_Part, ...]

    @property
    def first(self) -> _Part:
        """The one that stands for all in what they share: one that is complete, if any is."""
        return next((p for p in self.parts if p.manifest.complete), self.parts[0])

    @property
    def layout(self) -> BlockedArray:
        return self.first.layout

    def check_alike(self) -> None:
        """Refuses shards of different runs.

        Raises:
            RunChangedError: two are.
        """
        for a, b in pairwise(self.parts):
            found = difference(a.manifest, b.manifest)
            if found is not None:
                kind, what, one, other = found
                raise kind(_differ(a, b, f"{what} = {one} in the one, and {other} in the other"))
            if a.shard.of != b.shard.of:
                text = f"the one is {a.shard}, and the other {b.shard}"
                raise SettingsChangedError(_differ(a, b, text))
            if a.manifest.key != b.manifest.key:
                text = "their shapes or graphs are not the same"
                raise RunChangedError(_differ(a, b, text))

    def check_complete(self, target: Path) -> None:
        """Refuses where blocks are missing because a shard is.

        Raises:
            UnfinishedRunError: one is; it names all of them.
        """
        of = self.first.shard.of
        done = {p.shard.index for p in self.parts if p.manifest.complete}
        there = {p.shard.index: p for p in self.parts}
        begun = sorted(there.keys() - done)
        # Never all of them: a manifest may say that there are a billion.
        missing = list(islice((i for i in range(of) if i not in there), _LISTED))
        if not missing and not begun:
            return
        states = [_progress(there[i]) for i in begun[:_LISTED]]
        said = [
            *([f"there is no {_listed(map(str, missing), of - len(there))}"] if missing else []),
            *([f"not finished are {_listed(states, len(begun))}"] if begun else []),
        ]
        again = (missing + begun)[0]
        raise UnfinishedRunError(
            f"{target}: of {of} shards, {'; '.join(said)}. Run each of them again, as "
            f"EnumerateTo(folder, shard=Shard({again}, {of})), or join what there is by "
            "merge(..., partial=True)."
        )

    @cached_property
    def holders(self) -> Mapping[int, Sequence[_Part]]:
        """Who holds each block that there is."""
        found: dict[int, list[_Part]] = {}
        for part in self.parts:
            for number in part.layout.written(part.folder):
                found.setdefault(number, []).append(part)
        return found

    def result(self, sums: BlockSums) -> Attribution:
        """The result but for the influences, which are NaN, by what they sum to.

        Raises:
            RunChangedError: two shards were checked against other derivatives.
        """
        complete = [p for p in self.parts if p.manifest.complete]
        result = complete[0].result()
        bits = _reference(result)
        for part in complete[1:]:
            if _reference(part.result()) != bits:
                text = "the derivatives that they were checked against differ"
                raise RunChangedError(_differ(complete[0], part, text))
        total = np.atleast_1d(np.asarray(result.audit.reference_total, np.float64))
        residual = structural_residual(sums[0], total, sums[1])
        # JAX may have had no derivative to check against.
        residual = np.where(np.isnan(total), np.nan, residual)
        shaped = residual if result.n_examples is not None else residual[0]
        return replace(result, audit=replace(result.audit, structural=shaped))


def _reference(result: Attribution) -> list[bytes | None]:
    audit = result.audit
    numbers = (audit.reference_total, audit.quadrature)
    return [None if x is None else np.asarray(x).tobytes() for x in numbers]


def _copied(
    target: Path, manifest: Manifest, parts: _Parts, *, partial: bool
) -> Mapping[int, BlockSums] | None:
    """Copies every block to the run's folder.

    Returns:
        What each of them sums to; None where the run is not finished by it.

    Raises:
        MissingBlockError: a block is nowhere.
        DamagedRunError: a block is not what was written, or two copies of it differ.
    """
    layout, key = parts.layout, manifest.key
    there = set(layout.written(target))
    needed = len([n for n in parts.holders if n not in there])
    check_room(target, needed * prod(layout.block) * np.dtype(layout.dtype).itemsize)
    found: dict[int, BlockSums] = {}
    for number in range(layout.count):
        at = [*([target] if number in there else []), *_at(parts, number)]
        if not at:
            if partial:
                continue
            raise MissingBlockError(
                f"{layout.file(number)} is in none of the shards, although all are finished. Run "
                f"{_owner(parts, number)} again: only what is missing is computed anew."
            )
        block = layout.read(at[0], key, number)
        for other in at[1:]:
            if layout.read(other, key, number).tobytes() != block.tobytes():
                raise DamagedRunError(
                    f"{at[0]} and {other} hold {layout.file(number)} with other influences, which "
                    "were computed on machines that round otherwise. Leave out one of them."
                )
        if number not in there:
            with named_refusals(target):
                layout.write(target, key, number, block)
        found[number] = sums_of(block)
    done = any(p.manifest.complete for p in parts.parts) and len(found) == layout.count
    return found if done else None


def _at(parts: _Parts, number: int) -> list[Path]:
    return [p.folder for p in parts.holders.get(number, ())]


def _owner(parts: _Parts, number: int) -> str:
    shards = {p.shard for p in parts.parts}
    return next(str(s) for s in shards if number in s.numbers(parts.layout.count))


def _differ(a: _Part, b: _Part, how: str) -> str:
    return (
        f"{a.folder} and {b.folder} are no shards of one run: {how}. Join shards of one call; "
        "merge(shards=...) names them."
    )


def _progress(part: _Part) -> str:
    count = len(part.shard.numbers(part.layout.count))
    written = len(part.layout.written(part.folder))
    return f"{part.shard.index} ({written:,} of {count:,} blocks)"


def _listed(first: Iterable[str], count: int) -> str:
    more = f" and {count - _LISTED:,} more" if count > _LISTED else ""
    return f"{', '.join(first)}{more}"
