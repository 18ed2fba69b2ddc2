"""Frees what JAX and pathflow keep of what was compiled, where there is much of it."""

import ctypes
import functools
import gc
from pathlib import Path

import jax

# A compiled function is a few memory maps, of which Linux lets a process have 65,530.
_MAPS = 20_000
_PAGES = 500_000  # 2 GB, of which each of two workers may keep so much


def forget_many(maps: int = _MAPS, pages: int = _PAGES) -> bool:
    """Forgets all that was compiled if that is much, and says whether it did.

    A process that keeps all runs out of memory maps and dies; one that keeps nothing from test to
    test compiles the same small functions again for each.

    Arguments:
        maps: how many memory maps are many.
        pages: how many pages of memory are many.
    """
    try:
        if _resident() >= pages:
            _give_back()
        if _maps() < maps and _resident() < pages:
            return False
    except OSError:  # not Linux: nobody says how much there is
        pass
    # First the keys and functions of pathflow's own caches, which would stay and be compiled anew.
    for cached in gc.get_objects():
        if type(cached) is functools._lru_cache_wrapper and _is_ours(cached):
            cached.cache_clear()
    jax.clear_caches()
    _give_back()
    return True


def _maps() -> int:
    return Path("/proc/self/maps").read_bytes().count(b"\n")


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1])


def _give_back() -> None:
    """Lets the C library return what was freed: half of the memory of a process that has compiled
    much is such, and is never returned otherwise.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def _is_ours(cached: functools._lru_cache_wrapper) -> bool:
    return str(getattr(cached, "__module__", "")).split(".")[0] == "pathflow"
