"""Runs that are killed, each a child of this process; what they leave is for the tests to go on
with.

`python -m tests.storage._killed FOLDER` kills one child before every step of writing, and some at
random moments. Nothing of JAX runs in the parent, so that it may fork.
"""

import os
import random
import signal
import sys
import time
from pathlib import Path

import jax
import jax.numpy as jnp

import pathflow as pf

N_BLOCKS, N_RANDOM = 2, 20
_PAUSE = 0.004


def model(x):
    return pf.tag(jnp.tanh(x), "hidden").sum() + x.sum()


def ask(folder, *, block=1, scale=1.0, **facts):
    """One run: two paths, a block each."""
    x = jnp.array([0.3, -1.2, 0.7]) * scale
    graph = pf.trace(model, x)
    search = pf.EnumerateTo(folder, block=block, **facts)
    doi = pf.Line(jnp.zeros(3), n_steps=2)
    return pf.attribute(graph, (x,), source="x", doi=doi, search=search)


class _Steps:
    """Counts the steps of writing, says them in a file, and ends the process before one of them."""

    def __init__(self, log: Path, last: int | None) -> None:
        self.log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self.left = last

    def __call__(self, what: str) -> None:
        os.write(self.log, f"{what}\n".encode())
        if self.left is None:
            # A parent that waits for the processor would else find the run at its end.
            time.sleep(_PAUSE)
            return
        if not self.left:
            os.kill(os.getpid(), signal.SIGKILL)
        self.left -= 1

    def watch(self) -> None:
        """Puts a step before every call by which pathflow's files change."""
        for owner, name in ((os, "fsync"), (os, "replace"), (os, "ftruncate"), (os, "unlink")):
            setattr(owner, name, self._before(name, getattr(owner, name)))
        opened, step = Path.open, self

        def open_and_watch(path, mode="r", *rest, **kwargs):
            file = opened(path, mode, *rest, **kwargs)
            if "x" in mode:
                step(f"open {path.name}")
                file = _Watched(file, step)
            return file

        Path.open = open_and_watch

    def _before(self, name, function):
        def call(*args, **kwargs):
            self(f"{name} {args[1] if name == 'replace' else ''}")
            return function(*args, **kwargs)

        return call


class _Watched:
    """A file of which each part reaches the disk on its own."""

    def __init__(self, file, step) -> None:
        self._file, self._step = file, step

    def write(self, part) -> None:
        # Half of it: the rest stays in memory, and is lost with the process.
        half = len(part) // 2
        self._file.write(part[:half])
        self._file.flush()
        self._step("write")
        self._file.write(part[half:])

    def __getattr__(self, name):
        return getattr(self._file, name)

    def __enter__(self):
        return self

    def __exit__(self, *_) -> None:
        self._file.close()


def _child(folder: Path, log: Path, last: int | None) -> int:
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        _Steps(log, last).watch()
        ask(folder)
        status = 0
    finally:
        os._exit(status)


def _begun(log: Path, steps: int) -> None:
    """Waits until a child has taken so many steps."""
    while not log.exists() or log.read_bytes().count(b"\n") < steps:
        time.sleep(0.001)


def main(root: Path) -> None:
    # A child need not compile what another one has.
    jax.config.update("jax_compilation_cache_dir", str(root / "compiled"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    step, status = 0, signal.SIGKILL
    while os.WIFSIGNALED(status):
        pid = _child(root / f"step-{step}", root / f"step-{step}.log", step)
        _, status = os.waitpid(pid, 0)
        step += 1
    for number in range(N_RANDOM):
        log, moment = root / f"random-{number}.log", random.Random(number)  # noqa: S311
        pid = _child(root / f"random-{number}", log, None)
        # From a random step on, or most of them would fall into the tracing.
        _begun(log, moment.randrange(step - 1))
        time.sleep(moment.uniform(0, 3 * _PAUSE))
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
