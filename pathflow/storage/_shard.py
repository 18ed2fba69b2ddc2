"""Parts of a run that are written apart."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import final

from pathflow._errors import ArgumentError, SettingsChangedError
from pathflow._whole_number import whole_number

_NAME = re.compile(r"shard-([0-9]{1,9})-of-([0-9]{1,9})")
_MOST = 10**9


@final
@dataclass(frozen=True)
class Shard:
    """One of several parts of a run, each written by a process of its own.

    The blocks of the run are cut into `of` stretches as equal as can be, which follow each other.
    Blocks next to each other share most of the work that goes before them, so that little is done
    twice. Where there are fewer blocks than shards, some shards have none.

    Arguments:
        index: which one, from 0 to `of - 1`.
        of: how many there are.

    Raises:
        ArgumentError: there is no such shard.
    """

    index: int
    of: int

    def __post_init__(self) -> None:
        index, of = whole_number(self.index), whole_number(self.of)
        if index is None or of is None or not 0 <= index < of < _MOST:
            raise ArgumentError(
                f"Shard({self.index!r}, {self.of!r}) is none: shards are counted from 0, so that "
                "the last of 8 is Shard(7, 8)."
            )
        object.__setattr__(self, "index", index)
        object.__setattr__(self, "of", of)

    def numbers(self, count: int) -> range:
        """Which of `count` blocks are this shard's."""
        return range(count * self.index // self.of, count * (self.index + 1) // self.of)

    @property
    def folder(self) -> str:
        """The name of its folder, in that of the run."""
        return f"shard-{self.index}-of-{self.of}"

    def __str__(self) -> str:
        return f"shard {self.index} of {self.of}"


def shard_named(name: str) -> Shard | None:
    """The shard that a folder's name stands for, or None."""
    found = _NAME.fullmatch(name)
    if found is None:
        return None
    index, of = map(int, found.groups())
    shard = Shard(index, of) if index < of < _MOST else None
    # A number that is written otherwise, such as 01 for 1, is no shard's.
    return shard if shard is not None and shard.folder == name else None


def shard_folders(folder: Path) -> list[Path]:
    """The folders of shards in a run's folder, in the order of their numbers."""
    found = {p: shard_named(p.name) for p in folder.iterdir() if p.is_dir() and not p.is_symlink()}
    shards = {p: s for p, s in found.items() if s is not None}
    return sorted(shards, key=lambda p: (shards[p].of, shards[p].index))


def check_counting(folder: Path, of: int) -> None:
    """Refuses a run's folder that holds shards of another number of them: they never join.

    Raises:
        SettingsChangedError: it does; the message names the first.
    """
    there = shard_folders(folder) if folder.is_dir() else []
    for path in there:
        shard = shard_named(path.name)
        if shard is not None and shard.of != of:
            raise SettingsChangedError(
                f"{folder} holds {shard}, and shards of {of} do not join with it. Ask for "
                f"{shard.of} shards, or write to another folder, or delete {path} first."
            )
