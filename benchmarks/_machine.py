"""The processors and the environment that the measuring processes get, and a record of them."""

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

_EXTRAS = ("torch", "captum")
_PACKAGES = ("pathflow", "jax", "jaxlib", "numpy", *_EXTRAS)


def missing() -> list[str]:
    """The extras that are not installed."""
    return [name for name in _EXTRAS if find_spec(name) is None]


@contextmanager
def pinned(threads: int) -> Iterator[None]:
    """Leaves the processes that are started within the block that many processors.

    From their start on, because JAX and PyTorch size their thread pools on import.

    Raises:
        ValueError: there are fewer processors.
    """
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    allowed = sorted(os.sched_getaffinity(0))
    if threads > len(allowed):
        raise ValueError(
            f"--threads {threads}: this process may use {len(allowed)} processor(s); give at most "
            "that many, since threads that wait for each other measure nothing."
        )
    os.sched_setaffinity(0, allowed[:threads])
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def environment(threads: int) -> dict[str, str]:
    """Environment variables for a measuring process."""
    made = dict(os.environ)
    # Compilations from an earlier run would make the first call look faster than it is.
    made.pop("JAX_COMPILATION_CACHE_DIR", None)
    made |= {"JAX_PLATFORMS": "cpu", "OMP_NUM_THREADS": str(threads)}
    made |= {"MKL_NUM_THREADS": str(threads)}
    if threads == 1:
        flags = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
        made["XLA_FLAGS"] = f"{made.get('XLA_FLAGS', '')} {flags}".strip()
    return made


def about() -> dict[str, object]:
    """Processor, versions, and what else the machine is doing."""
    return {
        "processor": _processor(),
        "processors": os.cpu_count(),
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in _PACKAGES},
        "load": list(os.getloadavg()) if hasattr(os, "getloadavg") else None,
    }


def _processor() -> str:
    listed = Path("/proc/cpuinfo")
    lines = listed.read_text().splitlines() if listed.exists() else []
    names = [x.split(":", 1)[1].strip() for x in lines if x.startswith("model name")]
    return names[0] if names else platform.processor()


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
