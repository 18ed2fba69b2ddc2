"""Counts what XLA compiles."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jax.monitoring

_EVENT = "/jax/core/compile/backend_compile_duration"


@contextmanager
def compiled() -> Iterator[list[float]]:
    """A list that gets an entry, the seconds taken, for each compilation inside the `with`."""
    seconds: list[float] = []

    def listen(event: str, duration: float, **_: Any) -> None:
        if event == _EVENT:
            seconds.append(duration)

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        yield seconds
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)
