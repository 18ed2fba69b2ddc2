"""Methods of classes replaced while a function is traced, and put back."""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

# Told of the object, the method's name, and how to run it.
OnMethod = Callable[[Any, str, Callable[[], Any]], Any]
_LOCK = threading.RLock()


@contextmanager
def patched(
    classes: Iterable[type], methods: frozenset[str], on_method: OnMethod
) -> Iterator[None]:
    """While active, methods of the classes that are called in this thread go through `on_method`.

    Arguments:
        classes: each is changed where it defines a method itself.
        methods: the names of methods.
        on_method: told of each call.

    Other threads that want to patch wait; calls in other threads are not told of.
    """
    thread = threading.get_ident()
    saved: list[tuple[type, str, Any]] = []

    def listening(name: str, original: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(original)
        def method(self: Any, *args: Any, **kwargs: Any) -> Any:
            if threading.get_ident() != thread:
                return original(self, *args, **kwargs)
            return on_method(self, name, lambda: original(self, *args, **kwargs))

        return method

    with _LOCK:
        try:
            for cls in classes:
                for name in methods & vars(cls).keys():
                    original = vars(cls)[name]
                    if callable(original):
                        setattr(cls, name, listening(name, original))
                        saved.append((cls, name, original))
            yield
        finally:
            for cls, name, original in reversed(saved):
                setattr(cls, name, original)


def subclasses(cls: type) -> Iterator[type]:
    """All classes below a class, each once."""
    seen: set[type] = set()
    pending = [cls]
    while pending:
        for below in type.__subclasses__(pending.pop()):
            if below not in seen:
                seen.add(below)
                pending.append(below)
                yield below
