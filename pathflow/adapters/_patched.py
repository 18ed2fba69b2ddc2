"""Methods of classes replaced while functions are traced, and put back.

Several traces may be under way, in several threads or one within another: a method is replaced by
the first that wants it and put back by the last, and what it does depends on the thread that calls
it.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from typing import Any

# Told of the object, the method's name, the class that defines it, and how to run it.
OnMethod = Callable[[Any, str, type, Callable[[], Any]], Any]
_Key = tuple[type, str]


@dataclass(frozen=True)
class _Listener:
    methods: frozenset[_Key]
    on_method: OnMethod


@dataclass
class _Replaced:
    original: Any
    listeners: int


class _Listeners(threading.local):
    """Those of one thread, the innermost last."""

    def __init__(self) -> None:
        self.stack: list[_Listener] = []


_LOCK = threading.Lock()
_REPLACED: dict[_Key, _Replaced] = {}
_LISTENERS = _Listeners()


@contextmanager
def patched(
    classes: Iterable[type], methods: frozenset[str], on_method: OnMethod
) -> Iterator[None]:
    """While active, methods of the classes that are called in this thread go through `on_method`.

    Arguments:
        classes: each is changed where it defines a method itself.
        methods: the names of methods. Properties, and static and class methods, are no calls of an
            object, and left alone.
        on_method: told of each call; the innermost one, where several want the same method.
    """
    wanted = [(cls, name) for cls in classes for name in methods & vars(cls).keys()]
    taken = _taken(wanted)
    _LISTENERS.stack.append(_Listener(frozenset(taken), on_method))
    try:
        yield
    finally:
        _LISTENERS.stack.pop()
        _given_back(taken)


def _taken(wanted: Iterable[_Key]) -> list[_Key]:
    """Replaces those that are methods, and says which."""
    taken = []
    with _LOCK:
        for key in wanted:
            cls, name = key
            if key not in _REPLACED:
                original: Any = vars(cls).get(name)
                if not _is_method(original):
                    continue
                setattr(cls, name, _replacement(key, original))
                _REPLACED[key] = _Replaced(original, 0)
            _REPLACED[key].listeners += 1
            taken.append(key)
    return taken


def _given_back(taken: Iterable[_Key]) -> None:
    with _LOCK:
        for key in taken:
            _REPLACED[key].listeners -= 1
            if not _REPLACED[key].listeners:
                setattr(*key, _REPLACED.pop(key).original)


def _is_method(member: Any) -> bool:
    return (
        callable(member)
        and hasattr(member, "__get__")
        and not isinstance(member, staticmethod | classmethod | type)
    )


def _replacement(key: _Key, original: Callable[..., Any]) -> Callable[..., Any]:
    cls, name = key

    @wraps(original)
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        for listener in reversed(_LISTENERS.stack):
            if key in listener.methods:
                run = lambda: original(self, *args, **kwargs)  # noqa: E731
                return listener.on_method(self, name, cls, run)
        return original(self, *args, **kwargs)

    return method


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
