"""Whether a process that makes many small runs grows.

`python -m benchmarks.long_run --runs 10000` asks, saves, loads, stops, resumes and merges again and
again, and tells after each thousand how much memory, how many open files and how many memory maps
the process has. A run of days is many small ones: what each of them leaves behind adds up.
"""

import argparse
import gc
import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from time import perf_counter

import jax
import jax.numpy as jnp
import numpy as np

import pathflow as pf

STEPS, EXAMPLES, BLOCK = 4, 3, 7


@dataclass(frozen=True)
class Held:
    """What a process holds.

    Arguments:
        runs: how many it has made.
        memory: resident bytes.
        files: open descriptors.
        maps: mapped regions of memory, of which Linux gives a process 65,530.
        seconds: since it began.
    """

    runs: int
    memory: int
    files: int
    maps: int
    seconds: float


def held(runs: int, began: float) -> Held:
    """What this process holds now, without what waits to be collected. Linux only."""
    gc.collect()
    process = Path("/proc/self")
    lines = (process / "status").read_text().splitlines()
    memory = next(int(x.split()[1]) for x in lines if x.startswith("VmRSS:")) * 1024
    files = len(list((process / "fd").iterdir()))
    maps = len((process / "maps").read_text().splitlines())
    return Held(runs, memory, files, maps, perf_counter() - began)


class StopError(Exception):
    """Stops a run after its first block."""


def _stop(_: float) -> None:
    raise StopError


def model(x: jax.Array, words: jax.Array) -> jax.Array:
    """A small recurrence, with two ways from every word to the next."""

    def step(state: jax.Array, word: jax.Array) -> tuple[jax.Array, None]:
        gate = pf.tag(jax.nn.sigmoid(state * word), "gate")
        return pf.tag(jnp.tanh(gate * state + word), "state"), None

    return jax.lax.scan(step, x, words)[0].sum()


class Work:
    """Small runs of every kind, one after the other.

    Arguments:
        folder: where they write; emptied after each.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.random = np.random.default_rng(0)
        self.graph = self._traced()
        self.kinds: tuple[Callable[[], object], ...] = (
            self._asked,
            self._traced_again,
            self._saved,
            self._stopped_and_resumed,
            self._sharded,
            self._refused,
        )

    def __call__(self, number: int) -> None:
        """One run."""
        self.kinds[number % len(self.kinds)]()
        for path in self.folder.iterdir():
            shutil.rmtree(path)

    def _args(self) -> tuple[jax.Array, jax.Array]:
        x, words = self.random.normal(size=(EXAMPLES, 4)), self.random.normal(size=(STEPS, 4))
        return jnp.asarray(x, jnp.float32), jnp.asarray(words, jnp.float32)

    def _traced(self) -> pf.TracedGraph:
        x, words = self._args()
        return pf.trace(model, x[0], words, inputs=("x",))

    def _ask(self, search: pf.AbstractSearch, args: tuple | None = None) -> pf.Run:
        doi = pf.Line(jnp.zeros(4, jnp.float32), n_steps=2)
        given = self._args() if args is None else args
        return pf.attribute(
            self.graph, given, source="x", doi=doi, search=search, in_axes=(0, None)
        )

    def _asked(self) -> None:
        for search in (pf.Enumerate(), pf.TopK(3), pf.Aggregate({"gated": ".* gate@1 .*"})):
            self._ask(search)

    def _traced_again(self) -> None:
        self.graph = self._traced()
        self._ask(pf.Enumerate())

    def _saved(self) -> None:
        self._ask(pf.Enumerate()).save(self.folder / "saved")
        pf.load(self.folder / "saved").top(3)
        pf.open_run(self.folder / "saved").top(3)

    def _stopped_and_resumed(self) -> None:
        args = self._args()
        search = pf.EnumerateTo(self.folder / "run", BLOCK)
        try:
            self._ask(replace(search, progress=_stop), args)
        except StopError:
            self._ask(search, args).load().top(3)

    def _sharded(self) -> None:
        args = self._args()
        for index in range(2):
            shard = pf.Shard(index, 2)
            self._ask(pf.EnumerateTo(self.folder / "parts", BLOCK, shard=shard), args)
        pf.merge(self.folder / "parts").load()

    def _refused(self) -> None:
        search = pf.EnumerateTo(self.folder / "run", BLOCK)
        self._ask(search)
        for other in (lambda: self._ask(search), lambda: pf.load(self.folder / "nowhere")):
            try:
                other()
            except pf.StorageError:
                continue


def grow(runs: int, every: int, tell: Callable[[Held], None], work: Callable[[int], None]) -> None:
    """Makes runs, and tells what the process holds after every so many."""
    began = perf_counter()
    for number in range(runs):
        work(number)
        if (number + 1) % every == 0:
            tell(held(number + 1, began))


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures, and prints a line per thousand."""
    parser = argparse.ArgumentParser("python -m benchmarks.long_run", description=__doc__)
    parser.add_argument("--runs", type=int, default=10_000, help="in all (default: 10,000)")
    parser.add_argument("--every", type=int, default=1000, help="runs per line (default: 1,000)")
    parser.add_argument("--out", type=Path, help="file for the figures as JSON")
    given = parser.parse_args(arguments)
    rows: list[Held] = []

    def tell(now: Held) -> None:
        rows.append(now)
        grown = now.memory - rows[-2].memory if len(rows) > 1 else 0
        print(
            f"{now.runs:>8,} runs  {now.memory / 2**20:7.1f} MiB ({grown / 2**20:+.2f})  "
            f"{now.files} files  {now.maps:,} maps  {now.seconds:.0f} s",
            flush=True,
        )

    with tempfile.TemporaryDirectory() as folder:
        grow(given.runs, given.every, tell, Work(Path(folder)))
    if given.out is not None:
        given.out.write_text(json.dumps([asdict(row) for row in rows], indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
