"""What workers of executors are asked: shards of a run, of which one kills its process."""

import os
import signal
from dataclasses import dataclass, replace
from pathlib import Path

import jax

import pathflow as pf
from tests.scale._asked import ask


@dataclass(frozen=True)
class Killed:
    """Asks, and kills its process after the second block of one shard, once.

    Arguments:
        shard: the number of that shard.
        mark: a file that says that it happened.
    """

    shard: int
    mark: Path

    def __call__(self, search):
        jax.config.update("jax_enable_x64", True)
        if search.shard.index == self.shard:
            search = replace(search, progress=self.progress(search))
        return ask(search)

    def progress(self, search):
        own = Path(search.folder, search.shard.folder)

        def told(_):
            written = len(list(own.glob("influences-*.npy")))
            if written == 2 and not self.mark.exists():
                self.mark.write_text("".join(sorted(p.name for p in own.glob("influences-*.npy"))))
                os.kill(os.getpid(), signal.SIGKILL)

        return told


def fails(search):
    """Something that no worker can do."""
    raise pf.ArgumentError(f"{search.shard} cannot be asked")


def breaks(search):
    """Something that goes wrong in one of them."""
    if search.shard.index == 1:
        raise ZeroDivisionError("of the second")
    jax.config.update("jax_enable_x64", True)
    return ask(search)


def loses(search):
    """A worker that cannot be reached any more."""
    if search.shard.index == 1:
        raise ConnectionResetError("of the second")
    jax.config.update("jax_enable_x64", True)
    return ask(search)
