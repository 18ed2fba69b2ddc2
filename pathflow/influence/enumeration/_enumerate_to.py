"""Every path's influence, written to a folder block by block."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, final

import numpy as np

from pathflow._errors import ArgumentError, MissingBlockError, TooManyPathsError
from pathflow.drawing import count_text
from pathflow.evaluation import Activations
from pathflow.influence._search import AbstractSearch
from pathflow.influence.enumeration._block_sums import (
    SCALE,
    BlockSums,
    added_sums,
    place_of,
    sums_of,
)
from pathflow.influence.enumeration._enumerate import planned, unit_bytes
from pathflow.influence.enumeration._sweep import Plan, scatter
from pathflow.influence.question._audit import Checks, audit_of_sums, check_finite, refined
from pathflow.influence.question._devices import Devices, check_devices
from pathflow.influence.question._identity import identity_of
from pathflow.influence.question._points import points_of
from pathflow.influence.question._problem import Problem
from pathflow.influence.question._tiles import check_memory, chunks, tile_sizes
from pathflow.results import Attribution, Run, attribution_manifest, finish_run, open_run
from pathflow.storage import (
    BlockedArray,
    Manifest,
    Shard,
    check_counting,
    check_room,
    check_run_in,
    named_refusals,
    path_of,
    writing,
)

# Ranks are held as int64, and a product of two of them is never taken.
_MOST_PATHS = 2**48


@final
@dataclass(frozen=True)
class EnumerateTo(AbstractSearch[Run]):
    """All paths, each exactly, into a folder: any number of influences in little memory.

    The influences are cut into blocks of one shape: of as many examples as fit, or of a stretch of
    one example's paths. Each is written whole, with its checksum. A run that was stopped, killed or
    interrupted goes on with the same call: what is written is verified and kept, and the values are
    those of a run that was not stopped, to the last bit.

    With `shard`, the call writes one part of the blocks, in a folder of its own in `folder`, so
    that several processes or machines share the work; `pathflow.merge` joins the parts, and
    `pathflow.run_shards` does all of it.

    Arguments:
        folder: where; it is made.
        block: how many influences a block holds, at most.
        memory: bytes for one block and for the tangents and cotangents that are held at one time.
        progress: called with the fraction of the blocks that is written, after each.
        shard: which part of the run is written; all of it by default.
        devices: over which the work is spread; by default the one that JAX takes. The budget is
            then for each device.

    Raises:
        ArgumentError: no folder can have such a name, or a number is out of range.
        RunLockedError: another call writes in the folder.
        RunExistsError: the folder holds something else.
        ParametersChangedError, CodeChangedError, SettingsChangedError: it holds a run of other
            arguments, of another function or graph, or of other settings; the message names them.
        MissingBlockError, DamagedRunError: a file is missing or is not what was written.
        RunWriteError, DiskFullError: the system refuses to write.

    Example:
        ```python
        run = pf.attribute(
            graph, (x,), source="x", doi=doi, search=pf.EnumerateTo("runs/primary")
        )
        run.top(10)
        result = run.load()
        ```
    """

    folder: Path | str
    block: int = 2**22
    memory: int = 2**30
    progress: Any = field(default=None, compare=False)
    shard: Shard | None = None
    devices: Devices | None = None

    def __post_init__(self) -> None:
        path_of(self.folder, "EnumerateTo(folder)")
        if not isinstance(self.shard, Shard | None):
            raise ArgumentError(
                f"EnumerateTo(shard={self.shard!r}) takes a pathflow.Shard, as Shard(0, 8), the "
                "first of 8."
            )
        check_memory(self.memory, "EnumerateTo(memory=...)")
        check_devices(self.devices, "EnumerateTo")
        if not isinstance(self.block, int) or isinstance(self.block, bool) or self.block < 1:
            raise ArgumentError(
                f"EnumerateTo(block={self.block!r}) takes a number of influences, 1 or more."
            )

    def run(self, problem: Problem) -> Run:
        count = problem.space.count
        if count > _MOST_PATHS:
            raise TooManyPathsError(
                f"There are {count_text(count)} paths from source to target, more than any disk "
                "holds; ask for the first of them (TopK), for sums (Aggregate), or draw some "
                "(Sample).",
                count,
            )
        plan, activations = planned(problem.traced, problem.space.sources, problem.space.target)
        problem = problem.on(self.devices)
        doi, checks = refined(problem)
        work = _Work(problem.with_doi(doi), plan, activations, checks, self)
        manifest = work.manifest
        folder = self._place(manifest)
        with writing(folder, manifest):
            sums = work.write(folder, manifest.key)
            with named_refusals(folder):
                finish_run(folder, manifest, work.result(*sums))
        return open_run(folder)

    def _place(self, manifest: Manifest) -> Path:
        """Where it is written."""
        folder = Path(self.folder)
        if self.shard is None:
            return folder
        # Now, and not when the shards of hours are joined.
        check_run_in(folder, replace(manifest, shard=None))
        check_counting(folder, self.shard.of)
        return folder / self.shard.folder


@dataclass(frozen=True, eq=False)
class _Work:
    """A run that is written."""

    problem: Problem
    plan: Plan
    activations: Activations
    checks: Checks
    search: EnumerateTo

    @cached_property
    def layout(self) -> BlockedArray:
        """How the influences are cut: whole examples, or stretches of one example's paths."""
        count, batch = self.problem.space.count, self.problem.examples
        paths = min(count, self.search.block)
        shape, block = (count,), (paths,)
        if batch is not None:
            shape, block = (batch, count), (min(batch, self.search.block // paths), paths)
        return BlockedArray("influences", self.problem.dtype.name, shape, block)

    @cached_property
    def sizes(self) -> tuple[int, int]:
        """How many examples, and how many points of each, are worked on together."""
        item, n_points = self.problem.dtype.itemsize, self.checks.n_points
        unit = unit_bytes(self.problem)
        held = 2 * int(np.prod(self.layout.block)) * item
        if held + unit > self.search.memory:
            raise TooManyPathsError(
                f"A block of {self.search.block:,} influences and the tangents and cotangents of "
                f"one point take {held + unit:,} bytes, over the budget of "
                f"{self.search.memory:,}. Raise EnumerateTo(memory=...), or lower "
                "EnumerateTo(block=...), or choose a later source or a coarser node set.",
                self.problem.space.count,
            )
        examples = self.layout.block[0] if self.problem.examples is not None else 1
        devices = self.search.devices
        if devices is not None and devices.examples > 1 and self.layout.grid[-1] > 1:
            raise ArgumentError(
                f"Devices(examples={devices.examples}): a block of {self.search.block:,} "
                "influences holds some paths of one example; raise EnumerateTo(block=...) to "
                f"{devices.examples * self.problem.space.count:,}, or cut points or paths."
            )
        return tile_sizes(self.search.memory - held, unit, n_points, examples, devices)

    @cached_property
    def manifest(self) -> Any:
        """The manifest as the run begins."""
        unknown = np.full(self.problem.examples or 1, np.nan)
        # Points and examples that are worked on together decide how sums are rounded.
        blocks = {"block": self.layout.block, "tile": self.sizes}
        if self.search.devices is not None:
            blocks["devices"] = self.search.devices.shape
        settings = {**identity_of(self.problem), "blocks": blocks}
        result = self.result(unknown, unknown)
        return attribution_manifest(result, self.layout, settings, self.search.shard)

    def result(self, sums: np.ndarray, scale: np.ndarray) -> Attribution:
        """The result but for the influences, which are NaN, by what they sum to."""
        problem, layout = self.problem, self.layout
        audit = audit_of_sums(problem, sums, scale, self.checks, SCALE)
        unwritten = np.broadcast_to(np.array(np.nan, problem.dtype), layout.shape)
        metadata = problem.metadata(problem.doi, self.search)
        return Attribution(problem.space, unwritten, audit, metadata)

    def write(self, folder: Path, key: str) -> tuple[np.ndarray, np.ndarray]:
        """Writes the blocks that are missing.

        Returns:
            For each example the sum of all influences, and of their absolute values; NaN in a
            shard.
        """
        layout, shard = self.layout, self.search.shard
        numbers = range(layout.count) if shard is None else shard.numbers(layout.count)
        found: dict[int, BlockSums] = {}
        for number in numbers:
            try:
                found[number] = sums_of(layout.read(folder, key, number))
            except MissingBlockError:
                continue
        missing = [n for n in numbers if n not in found]
        check_room(folder, len(missing) * int(np.prod(layout.block)) * self.problem.dtype.itemsize)
        for number, rows in self._rows(missing):
            examples, ranks = place_of(layout, number)
            check_finite(self.problem, rows, examples.start, ranks.start)
            with named_refusals(folder):
                values = rows if self.problem.examples is not None else rows[0]
                layout.write(folder, key, number, values)
            found[number] = sums_of(rows)
            if self.search.progress is not None:
                self.search.progress(len(found) / len(numbers))
        if shard is None:
            return added_sums(layout, found)
        unknown = np.full(self.problem.examples or 1, np.nan)
        return unknown, unknown

    def _rows(self, numbers: list[int]) -> Iterator[tuple[int, np.ndarray]]:
        """The influences of some blocks, `(examples, paths)` each."""
        if self.layout.grid[-1] == 1:
            for number in numbers:
                yield number, self._whole(place_of(self.layout, number)[0])
            return
        by_example: dict[int, list[int]] = {}
        for number in numbers:
            by_example.setdefault(place_of(self.layout, number)[0].start, []).append(number)
        for example, blocks in by_example.items():
            yield from self._stretches(slice(example, example + 1), blocks)

    def _chunks(self, examples: slice) -> Iterator[Any]:
        points = points_of(self.problem, self.problem.doi, examples)
        return chunks(self.problem, self.activations, points, examples, self.sizes[1])

    def _whole(self, examples: slice) -> np.ndarray:
        """All paths of some examples."""
        size, batch = self.sizes[0], self.problem.examples or 1
        out = np.zeros((examples.stop - examples.start, self.layout.shape[-1]), self.problem.dtype)
        for start in range(examples.start, examples.stop, size):
            # Tiles have one size, so that all compile once; what they overlap is not used.
            begin = max(0, min(start, batch - size))
            tile = np.zeros((size, out.shape[1]), out.dtype)
            for at in self._chunks(slice(begin, begin + size)):
                scatter(tile, list(self.plan.sweep(at)))
            stop = min(start + size, examples.stop)
            out[start - examples.start : stop - examples.start] = tile[start - begin : stop - begin]
        return out

    def _stretches(self, example: slice, numbers: list[int]) -> Iterator[tuple[int, np.ndarray]]:
        """Stretches of one example's paths."""
        once = self.sizes[1] >= self.checks.n_points
        held = [self.plan.hold(at) for at in self._chunks(example)] if once else None
        for number in numbers:
            _, ranks = place_of(self.layout, number)
            out = np.zeros((1, ranks.stop - ranks.start), self.problem.dtype)
            for part in held or map(self.plan.hold, self._chunks(example)):
                part.add(out[0], ranks.start)
            yield number, out
