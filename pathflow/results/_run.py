"""An attribution on disk, block by block."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path as FilePath
from typing import Any, final

import numpy as np
from jaxtyping import Float, Float64

from pathflow._errors import ArgumentError, StorageError
from pathflow.drawing import AbstractDisplayed, Page
from pathflow.graph import PathSpace
from pathflow.page import Sheet
from pathflow.storage import BlockedArray, Manifest, Shard, path_of, read_array, whole

from ._amount import Amount, amount
from ._attribution import Attribution, PathOrRank, rank_of
from ._audit import Audit
from ._order import AbstractOrder, Magnitude
from ._packing import packed
from ._pages import examples_text, page, path_text, paths_text, ranked_page
from ._sheet import sheet_of
from ._storable import check_whole, load, rebuilt
from ._table import PathInfluence, shares_of, top_ranks

_KIND, _ARRAY = "attribution", "influences"
# So much is read in the time that one waits for something to be shown.
_SHOWN_BYTES = 2**24


@final
@dataclass(frozen=True, eq=False)
class RunBlock:
    """A block of influences.

    Arguments:
        examples: which examples it holds; None without an axis of examples.
        ranks: the ranks of its paths.
        influences: theirs, `(paths,)` or `(examples, paths)`; read-only.
    """

    examples: slice | None
    ranks: slice
    influences: Float[np.ndarray, "*B paths"]


@final
@dataclass(frozen=True, eq=False, repr=False)
class Run(AbstractDisplayed):
    """The influences of all paths, in a folder: what `pathflow.EnumerateTo` wrote.

    No more than a block (and a mean of as many paths) is held at a time. Made by
    `pathflow.open_run`. Of a shard there are its own blocks, and nothing that needs the others: no
    total, no first paths, no audit.

    Arguments:
        folder: the run directory.
        space: the paths.
        audit: the residuals.
        metadata: how the influences came about.
        manifest: what the folder says of itself.

    Example:
        ```python
        run = pf.open_run("runs/primary")
        for block in run.blocks():
            histogram += np.histogram(block.influences, bins)[0]
        ```
    """

    folder: FilePath
    space: PathSpace
    audit: Audit
    metadata: Mapping[str, Any]
    manifest: Manifest

    @property
    def _layout(self) -> BlockedArray:
        return self.manifest.arrays[_ARRAY]

    @property
    def n_examples(self) -> int | None:
        """The number of examples, or None without an axis of examples."""
        return self._layout.shape[0] if len(self._layout.shape) == 2 else None

    @property
    def shard(self) -> Shard | None:
        """Which part of a run this is; None for a whole one."""
        return self.manifest.shard

    @property
    def numbers(self) -> range:
        """The numbers of the blocks, which are in the names of their files; of a shard, its own."""
        count = self._layout.count
        return range(count) if self.shard is None else self.shard.numbers(count)

    @property
    def n_blocks(self) -> int:
        """How many blocks there are; of a shard, how many are its own."""
        return len(self.numbers)

    @property
    def complete(self) -> bool:
        """Whether all blocks are written; of a shard, all of its own."""
        return self.manifest.complete

    def blocks(self) -> Iterator[RunBlock]:
        """The blocks in their order, each verified: by examples, and then by ranks.

        Raises:
            MissingBlockError: a block is not there.
            DamagedRunError: a block is not what was written.
        """
        return map(self._block, self.numbers)

    def _block(self, number: int) -> RunBlock:
        *examples, ranks = self._layout.place(number)
        values = self._layout.read(self.folder, self.manifest.key, number)
        return RunBlock(examples[0] if examples else None, ranks, values)

    @property
    def total(self) -> Amount:
        """The sum over all paths. Every block is read.

        Raises:
            UnfinishedRunError: this is a shard.
            MissingBlockError, DamagedRunError: as `blocks`.
        """
        self._check_no_shard()
        sums = np.zeros(self.n_examples or 1)
        for block in self.blocks():
            sums[block.examples or slice(0, 1)] += block.influences.sum(axis=-1, dtype=np.float64)
        return amount(sums if self.n_examples is not None else sums[0])

    def __getitem__(self, path: PathOrRank) -> Amount:
        """The influence of one path, given by its labels or its rank.

        Raises:
            UnknownNodeError, GraphError: the path is none of the space, or the rank is outside.
            UnfinishedRunError: this is a shard.
            MissingBlockError, DamagedRunError: as `blocks`.
        """
        self._check_no_shard()
        rank = rank_of(self.space, path)
        width = self._layout.block[-1]
        along = self._layout.grid[-1]
        numbers = range(rank // width, self.n_blocks, along)
        found = [np.atleast_1d(self._block(n).influences[..., rank % width]) for n in numbers]
        values = np.concatenate(found).astype(np.float64)
        return amount(values if self.n_examples is not None else values[0])

    def top(self, k: int = 10, by: AbstractOrder | None = None) -> list[PathInfluence]:
        """The `k` first paths in an order, exactly; as `Attribution.top`.

        Raises:
            ArgumentError: `k` is no number of rows, or `by` is no order.
            NonFiniteError: an influence is NaN.
            UnfinishedRunError: this is a shard.
            MissingBlockError, DamagedRunError: as `blocks`.
        """
        self._check_no_shard()
        order = Magnitude() if by is None else by
        found, values, positive, negative = [], [], 0.0, 0.0
        for start, mean in self._means():
            ranks = top_ranks(mean, k, order)
            found.append(ranks + start)
            values.append(mean[ranks])
            positive += float(mean.sum(where=mean > 0))
            negative += float(mean.sum(where=mean < 0))
        ranks, influences = np.concatenate(found), np.concatenate(values)
        first = np.lexsort((ranks, -order.score(influences)))[:k]
        shares = shares_of(influences[first], positive, negative)
        rows = zip(ranks[first].tolist(), influences[first].tolist(), shares.tolist(), strict=True)
        return [PathInfluence(self.space.unrank(r), r, value, share) for r, value, share in rows]

    def _means(self) -> Iterator[tuple[int, Float64[np.ndarray, " paths"]]]:
        """The means over examples of one stretch of ranks after the other."""
        along = self._layout.grid[-1]
        for first in range(along):
            start, total = 0, np.zeros(0)
            for number in range(first, self.n_blocks, along):
                block = self._block(number)
                rows = np.atleast_2d(block.influences)
                start = block.ranks.start
                total = total if total.size else np.zeros(rows.shape[1])
                for row in rows:
                    total += row
            yield start, total / (self.n_examples or 1)

    def load(self, *, memory: int = 2**30) -> Attribution:
        """All influences, in memory.

        Arguments:
            memory: bytes that they may take.

        Raises:
            TooManyPathsError: they take more.
            UnfinishedRunError: the run was stopped, or is a shard.
            MissingBlockError, DamagedRunError: as `blocks`.
        """
        return load(self.folder, memory=memory)

    def _check_no_shard(self) -> None:
        # A sum over some of the paths would look like one over all.
        if self.shard is not None:
            check_whole(self.folder, self.manifest)

    def _page(self) -> Page:
        ends = f"{', '.join(map(str, self.space.sources))} -> {self.space.target}"
        size = f"{paths_text(self.space.count)}{examples_text(self.n_examples)}"
        facts = f"{ends}, {size}, in {self.n_blocks:,} blocks in {self.folder}"
        if self.shard is not None:
            note = f"This is {self.shard}; pathflow.merge joins all of them."
            return page("Run", facts, [], self.audit, note)
        if not self.complete:
            return page(
                "Run", facts, [], self.audit, "Not complete; the same call goes on with it."
            )
        if self._layout.nbytes > _SHOWN_BYTES:
            note = "Too much to be read for being shown; ask for top(), total or blocks()."
            return page("Run", facts, [], self.audit, note)
        try:
            result = self.load()
        except StorageError as error:
            # The audit was of all that should be there.
            return page("Run", facts, [], None, str(error))
        return ranked_page(
            result, facts, "paths", lambda row: (row.rank, path_text(row.path)), "Run"
        )

    def __repr__(self) -> str:
        ends = f"{', '.join(map(str, self.space.sources))} -> {self.space.target}"
        batch = "" if self.n_examples is None else f", {self.n_examples} examples"
        state = repr(self.audit) if self.complete else "not complete"
        if self.shard is not None:
            state = f"{self.shard}, {'complete' if self.complete else state}"
        blocks = f"{self.n_blocks} block{'s' * (self.n_blocks != 1)}"
        paths = f"{paths_text(self.space.count)}{batch} in {blocks}"
        return f"Run({str(self.folder)!r}: {ends}, {paths}, {state})"


def open_run(path: FilePath | str) -> Run:
    """Opens what `pathflow.EnumerateTo` wrote, or the saved result of an enumeration, without
    reading the influences.

    A run that was stopped is opened as far as it went; its audit is NaN.

    Arguments:
        path: the folder.

    Raises:
        StorageError: the folder is no run directory.
        ArgumentError: no folder can have such a name, or it holds a result of another kind, which
            `pathflow.load` reads.
        SchemaVersionError, MissingBlockError, DamagedRunError: as `pathflow.load`.
    """
    folder = path_of(path, "path")
    manifest = Manifest.read(folder)
    if manifest.kind != _KIND:
        raise ArgumentError(
            f"open_run({str(folder)!r}) goes through the blocks of an enumeration, and this is a "
            f"result of the kind {manifest.kind!r}; read it with pathflow.load."
        )
    partial = not manifest.complete

    def array(name: str) -> Any:
        found = manifest.arrays[name]
        if name == _ARRAY:
            return np.broadcast_to(np.zeros((), np.dtype(found.dtype)), found.shape)
        return read_array(folder, manifest, name, partial=partial, memory=found.nbytes)

    result = rebuilt(folder, manifest, array)
    return Run(folder, result.space, result.audit, result.metadata, manifest)


@sheet_of.register
def _(run: Run) -> Sheet:
    raise ArgumentError(
        f"results holds a Run, of which a block is in memory at a time, and {run.folder} would be "
        "on one page; give run.load(), or run.load(memory=...) with the bytes that it may take."
    )


def attribution_manifest(
    result: Attribution,
    layout: BlockedArray,
    settings: Mapping[str, Any],
    shard: Shard | None = None,
) -> Manifest:
    """The manifest, as the run begins, of an attribution whose influences are written otherwise."""
    out = packed(result)
    arrays = {name: whole(name, array) for name, array in out.arrays.items()}
    if layout.name not in arrays:
        raise StorageError(f"an attribution has no array {layout.name!r}.")
    arrays[layout.name] = layout
    return Manifest(_KIND, out.value, arrays, out.graphs, settings, complete=False, shard=shard)


def finish_run(folder: FilePath, manifest: Manifest, result: Attribution) -> None:
    """Writes what is left once all influences are written, and says so in the manifest."""
    out = packed(result)
    for name, array in out.arrays.items():
        if name != _ARRAY:
            for number in range(manifest.arrays[name].count):
                manifest.arrays[name].write(folder, manifest.key, number, array)
    replace(manifest, value=out.value, complete=True).write_manifest(folder)
