"""Objects that a function holds."""

import functools
import inspect
from collections.abc import Callable, Iterator
from typing import Any


def held_by(fn: Any, wanted: Callable[[Any], bool]) -> Iterator[Any]:
    """The objects of a kind that a function refers to: in its closure, as its globals, as the
    object that it is a method of, or in the functions that it wraps.

    Arguments:
        fn: the function.
        wanted: whether an object is of the kind.
    """
    seen: set[int] = set()
    pending = [fn]
    while pending:
        item = pending.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        if wanted(item):
            yield item
        elif isinstance(item, functools.partial):
            pending += [item.func, *item.args, *item.keywords.values()]
        elif inspect.ismethod(item):
            pending += [item.__self__, item.__func__]
        elif inspect.isfunction(item):
            names = inspect.getclosurevars(item)
            pending += [*names.nonlocals.values(), *names.globals.values()]
        elif hasattr(item, "__wrapped__"):
            pending.append(item.__wrapped__)
