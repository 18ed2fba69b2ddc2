"""A machine for pickles that runs nothing of them.

A pickle is a program for a stack machine. This one knows the instructions that PyTorch's files are
made of (protocols 2 to 5, binary), and the two that could run something, finding a name and calling
it, give objects of `_objects` alone. Work and memory are bounded by the limits below, whatever the
pickle says: sizes are checked against the file before anything is read, an index of the memo
reserves nothing, and no value is compared, hashed or printed deeper than a key.

Source: the comments of the standard library's `pickletools`, which define the instructions.
"""

import struct
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from pathflow.models.torch_file._bytes import Source
from pathflow.models.torch_file._meaning import RefusedError, build, call, new, persistent, put
from pathflow.models.torch_file._objects import Global, Storage, shown

# A thousand tensors take some thirty thousand instructions and a megabyte.
_MOST_STEPS = 1_000_000
MOST_BYTES = 2**25
_LONGEST_INTEGER = 255
_PROTOCOLS = range(2, 6)


class Described(NamedTuple):
    """An object of inert values, and every storage that its pickle names."""

    root: Any
    storages: tuple[Storage, ...]


class Machine:
    """Reads one pickle.

    Arguments:
        source: read from where it stands up to the end of the pickle.
        what: names the pickle in error messages.
    """

    def __init__(self, source: Source, what: str):
        self.source = source
        self.what = what
        self.stack: list[Any] = []
        self.below: list[list[Any]] = []
        self.memo: dict[int, Any] = {}
        self.storages: list[Storage] = []
        self.steps = 0

    def run(self) -> Described:
        """The object that the pickle describes.

        Raises:
            CheckpointError: it ends early, has unknown instructions, asks for something that is
                refused, or is longer than any model needs.
        """
        start = self.source.position
        try:
            while True:
                self.spend(1)
                if self.source.position - start > MOST_BYTES:
                    raise RefusedError(
                        f"it is longer than {MOST_BYTES} bytes, more than a model needs"
                    )
                code = self.source.take(1, self.what)
                if code == b".":
                    return Described(self.pop(), tuple(self.storages))
                self.execute(code)
        except RefusedError as error:
            raise self.source.refusal(f"{self.what} cannot be read: {error}.") from error

    def execute(self, code: bytes) -> None:
        """Runs one instruction.

        Raises:
            RefusedError: there is no such one, or it cannot be run.
        """
        if code not in _INSTRUCTIONS:
            raise RefusedError(
                f"{code!r} is no instruction of a binary pickle; the file is damaged, or was "
                "written with pickle protocol 0 or 1"
            )
        _INSTRUCTIONS[code](self)

    def spend(self, steps: int) -> None:
        """Counts work.

        Raises:
            RefusedError: it is more than a model needs.
        """
        self.steps += steps
        if self.steps > _MOST_STEPS:
            raise RefusedError(f"it takes more than {_MOST_STEPS} steps, more than a model needs")

    def push(self, value: Any) -> None:
        """Puts a value on the stack."""
        self.stack.append(value)

    def pop(self) -> Any:
        """Takes the top of the stack.

        Raises:
            RefusedError: the stack is empty.
        """
        if not self.stack:
            raise RefusedError("it takes a value from an empty stack")
        return self.stack.pop()

    def pop_many(self, count: int) -> tuple[Any, ...]:
        """Takes the top values, the lowest first."""
        return tuple(reversed([self.pop() for _ in range(count)]))

    def pop_mark(self) -> list[Any]:
        """Takes everything above the last mark.

        Raises:
            RefusedError: there is no mark.
        """
        if not self.below:
            raise RefusedError("it goes back to a mark that was not set")
        items, self.stack = self.stack, self.below.pop()
        return items

    def top(self, kind: type | tuple[type, ...], name: str) -> Any:
        """The top of the stack.

        Raises:
            RefusedError: it is no `kind`.
        """
        value = self.pop()
        self.push(value)
        if not isinstance(value, kind):
            raise RefusedError(f"{shown(value)} stands where {name} must")
        return value

    def number(self, form: str) -> Any:
        """The next number, in a format of `struct`."""
        return struct.unpack(form, self.source.take(struct.calcsize(form), self.what))[0]

    def content(self, form: str) -> bytes:
        """The next bytes, whose count comes first.

        Raises:
            RefusedError: the count is negative, or larger than a pickle may be.
        """
        size = self.number(form)
        if not 0 <= size <= MOST_BYTES:
            raise RefusedError(f"a value of {size} bytes is announced")
        return self.source.take(size, self.what)

    def text(self, form: str) -> str:
        """The next text, whose length in bytes comes first."""
        return self.source.text(self.content(form), "a text")


def _mark(m: Machine) -> None:
    m.below.append(m.stack)
    m.stack = []


def _protocol(m: Machine) -> None:
    protocol = m.number("B")
    if protocol not in _PROTOCOLS:
        raise RefusedError(f"it has pickle protocol {protocol}, and 2 to 5 are read")


def _integer(form: str) -> Callable[[Machine], None]:
    def run(m: Machine) -> None:
        size = m.number(form)
        if not 0 <= size <= _LONGEST_INTEGER:
            raise RefusedError(f"an integer of {size} bytes is announced")
        m.push(int.from_bytes(m.source.take(size, m.what), "little", signed=True))

    return run


def _old_text(form: str) -> Callable[[Machine], None]:
    """Text of Python 2, which did not tell it from bytes."""

    def run(m: Machine) -> None:
        content = m.content(form)
        m.push(content.decode() if content.isascii() else content)

    return run


def _get(form: str) -> Callable[[Machine], None]:
    def run(m: Machine) -> None:
        index = m.number(form)
        if index not in m.memo:
            raise RefusedError(f"it refers to value {index}, which was not kept")
        m.push(m.memo[index])

    return run


def _put(form: str) -> Callable[[Machine], None]:
    def run(m: Machine) -> None:
        m.memo[m.number(form)] = m.top(object, "a value")

    return run


def _memoize(m: Machine) -> None:
    m.memo[len(m.memo)] = m.top(object, "a value")


def _append(m: Machine) -> None:
    value = m.pop()
    m.top(list, "a list").append(value)


def _appends(m: Machine) -> None:
    items = m.pop_mark()
    m.top(list, "a list").extend(items)


def _set_item(m: Machine) -> None:
    key, value = m.pop_many(2)
    put(m.top(dict, "a dictionary"), key, value)


def _set_items(m: Machine) -> None:
    items = m.pop_mark()
    target = m.top(dict, "a dictionary")
    _put_all(target, items)


def _dict(m: Machine) -> None:
    entries: dict[Any, Any] = {}
    _put_all(entries, m.pop_mark())
    m.push(entries)


def _put_all(target: dict[Any, Any], items: list[Any]) -> None:
    if len(items) % 2:
        raise RefusedError("a dictionary has a key without a value")
    for key, value in zip(items[::2], items[1::2], strict=True):
        put(target, key, value)


def _global(m: Machine) -> None:
    m.push(Global(m.source.line("a module's name"), m.source.line("a class's name")))


def _persistent(m: Machine) -> None:
    m.push(persistent(m.pop()))
    if isinstance(m.stack[-1], Storage):
        m.storages.append(m.stack[-1])


def _stack_global(m: Machine) -> None:
    module, name = m.pop_many(2)
    if not isinstance(module, str) or not isinstance(name, str):
        raise RefusedError(f"{shown(module)} and {shown(name)} name no class")
    m.push(Global(module, name))


def _reduce(m: Machine) -> None:
    function, arguments = m.pop_many(2)
    if isinstance(arguments, tuple):
        # A list that is kept may be an argument again and again.
        m.spend(sum(len(argument) for argument in arguments if isinstance(argument, list)))
        m.spend(len(arguments))
    m.push(call(function, arguments))


def _build(m: Machine) -> None:
    state = m.pop()
    build(m.top(object, "an object"), state)


def _new(takes: int) -> Callable[[Machine], None]:
    def run(m: Machine) -> None:
        values = m.pop_many(takes)
        m.push(new(values[0], values[1]))

    return run


def _tuple(size: int) -> Callable[[Machine], None]:
    return lambda m: m.push(m.pop_many(size))


def _push(value: Any) -> Callable[[Machine], None]:
    return lambda m: m.push(value)


_INSTRUCTIONS: Mapping[bytes, Callable[[Machine], Any]] = {
    b"\x80": _protocol,
    b"\x95": lambda m: m.number("<Q"),  # the length of a frame, which nothing hangs on
    b"(": _mark,
    b"0": Machine.pop,
    b"1": Machine.pop_mark,
    b"2": lambda m: m.push(m.top(object, "a value")),
    b"N": _push(None),
    b"\x88": _push(True),
    b"\x89": _push(False),
    b"J": lambda m: m.push(m.number("<i")),
    b"K": lambda m: m.push(m.number("B")),
    b"M": lambda m: m.push(m.number("<H")),
    b"\x8a": _integer("B"),
    b"\x8b": _integer("<i"),
    b"G": lambda m: m.push(m.number(">d")),
    b"T": _old_text("<i"),
    b"U": _old_text("B"),
    b"B": lambda m: m.push(m.content("<I")),
    b"C": lambda m: m.push(m.content("B")),
    b"\x8e": lambda m: m.push(m.content("<Q")),
    b"\x96": lambda m: m.push(m.content("<Q")),
    b"X": lambda m: m.push(m.text("<I")),
    b"\x8c": lambda m: m.push(m.text("B")),
    b"\x8d": lambda m: m.push(m.text("<Q")),
    b"]": lambda m: m.push([]),
    b"a": _append,
    b"e": _appends,
    b"l": lambda m: m.push(m.pop_mark()),
    b")": _push(()),
    b"t": lambda m: m.push(tuple(m.pop_mark())),
    b"\x85": _tuple(1),
    b"\x86": _tuple(2),
    b"\x87": _tuple(3),
    b"}": lambda m: m.push({}),
    b"d": _dict,
    b"s": _set_item,
    b"u": _set_items,
    # A set hashes what it holds; a list serves as well, since no set is looked into.
    b"\x8f": lambda m: m.push([]),
    b"\x90": _appends,
    b"\x91": lambda m: m.push(tuple(m.pop_mark())),
    b"c": _global,
    b"\x93": _stack_global,
    b"R": _reduce,
    b"b": _build,
    b"\x81": _new(2),
    b"\x92": _new(3),
    b"Q": _persistent,
    b"h": _get("B"),
    b"j": _get("<I"),
    b"q": _put("B"),
    b"r": _put("<I"),
    b"\x94": _memoize,
}


def read_pickle(source: Source, what: str) -> Described:
    """The object that the next pickle describes, as inert values.

    Arguments:
        source: read from where it stands up to the end of the pickle.
        what: names the pickle in error messages.

    Raises:
        CheckpointError: it ends early, has unknown instructions, asks for something that is
            refused, or is longer than any model needs.
    """
    return Machine(source, what).run()
