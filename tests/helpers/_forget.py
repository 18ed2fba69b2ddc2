"""Frees what JAX has compiled, where there is so much of it that a process would run out."""

from pathlib import Path

import jax

# A compiled function is a few memory maps, of which Linux lets a process have 65,530.
_MANY = 20_000


def forget_many(many: int = _MANY) -> bool:
    """Forgets all that was compiled if that is much, and says whether it did.

    A process that keeps all runs out of memory maps and dies; one that keeps nothing from test to
    test compiles the same small functions again for each.
    """
    try:
        maps = Path("/proc/self/maps").read_bytes().count(b"\n")
    except OSError:  # not Linux: nobody says how many there are
        maps = many
    if maps < many:
        return False
    jax.clear_caches()
    return True
