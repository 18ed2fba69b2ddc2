"""Objects that a function holds."""

import functools
import inspect
from collections.abc import Callable, Iterable, Iterator
from dataclasses import is_dataclass
from types import CodeType, FunctionType
from typing import Any


def held_by(fn: Any, wanted: Callable[[Any], bool]) -> Iterator[Any]:
    """The objects of a kind that a function refers to: in its closure, its defaults or its globals,
    as the object that it is a method of, or in the functions that it wraps; by itself, or in a
    list, a dictionary, a dataclass or an object that is called.

    Arguments:
        fn: the function.
        wanted: whether an object is of the kind.
    """
    # Kept beside their ids, so that no id is given to another object meanwhile.
    seen: dict[int, Any] = {}
    pending = [fn]
    while pending:
        item = pending.pop()
        if id(item) in seen:
            continue
        seen[id(item)] = item
        if wanted(item):
            yield item
        else:
            pending += _parts(item)


def _parts(item: Any) -> Iterable[Any]:
    """What an object holds, where it is one that holds others for a function."""
    if isinstance(item, functools.partial):
        return [item.func, *item.args, *item.keywords.values()]
    if inspect.ismethod(item):
        # `__func__` may name what its object holds, whatever the object is.
        return [item.__self__, item.__func__, list(getattr(item.__self__, "__dict__", {}).values())]
    if inspect.isfunction(item):
        return _named_in(item)
    if isinstance(item, list | tuple | set | frozenset):
        return item
    if isinstance(item, dict):
        return item.values()
    if isinstance(item, type):
        return ()
    if is_dataclass(item) or callable(item):
        call = vars(type(item)).get("__call__")
        wrapped = getattr(item, "__wrapped__", None)
        return [call, wrapped, *getattr(item, "__dict__", {}).values()]
    return ()


def _named_in(fn: FunctionType) -> Iterator[Any]:
    """What a function's names stand for: those of its closure, its defaults, and its globals."""
    for cell in fn.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:
            # The name has no value yet.
            continue
    yield from fn.__defaults__ or ()
    yield from (fn.__kwdefaults__ or {}).values()
    pending = [fn.__code__]
    while pending:
        code = pending.pop()
        yield from (fn.__globals__[n] for n in code.co_names if n in fn.__globals__)
        # Functions that are made inside.
        pending += [c for c in code.co_consts if isinstance(c, CodeType)]
