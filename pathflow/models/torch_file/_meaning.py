"""The few names in a PyTorch file that mean something here, and what they mean.

Everything else is inert: an object of an unknown class keeps what the file says it holds, and a
call of a function of `torch` gives an object that nothing can be done with. A call of anything else
is refused, since no model needs one: it is how a file that harms its reader does so.
"""

from collections.abc import Callable, Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np

from pathflow.models.torch_file._objects import Global, Inert, Storage, Tensor, shown

_DTYPES = {
    "DoubleStorage": np.dtype(np.float64),
    "FloatStorage": np.dtype(np.float32),
    "HalfStorage": np.dtype(np.float16),
    "BFloat16Storage": np.dtype(jnp.bfloat16),
    "LongStorage": np.dtype(np.int64),
    "IntStorage": np.dtype(np.int32),
    "ShortStorage": np.dtype(np.int16),
    "CharStorage": np.dtype(np.int8),
    "ByteStorage": np.dtype(np.uint8),
    "BoolStorage": np.dtype(np.bool_),
}
# A storage of a graphics processor is written with the same bytes.
_STORAGE_MODULES = ("torch", "torch.cuda")
_MOST_AXES = 32
_LONGEST_KEY = 8
_MOST_NUMBERS = 2**60


class RefusedError(Exception):
    """What a file asks for is wrong; the reader adds where."""


def call(function: Any, arguments: Any) -> Any:
    """What a call of a name stands for.

    Raises:
        RefusedError: it is no name, one that is not called here, or its arguments do not fit.
    """
    if not isinstance(function, Global) or not isinstance(arguments, tuple):
        raise RefusedError(f"{shown(function)} is called with {shown(arguments)}")
    if function.key in _CALLS:
        return _CALLS[function.key](function, arguments)
    if function.module == "torch" or function.module.startswith("torch."):
        return Inert(function)
    raise RefusedError(
        f"{function} is called, which no model needs; nothing of it was run. Do not open this "
        "file with a program that runs what it says"
    )


def new(cls: Any, arguments: Any) -> Any:
    """What a new object of a class stands for.

    Raises:
        RefusedError: it is no name, or the arguments do not fit it.
    """
    if not isinstance(cls, Global) or not isinstance(arguments, tuple):
        raise RefusedError(f"an object of {shown(cls)} is made")
    return _CALLS[cls.key](cls, arguments) if cls.key in _CALLS else Inert(cls)


def build(target: Any, state: Any) -> None:
    """Gives an object what it holds.

    Raises:
        RefusedError: it cannot hold anything.
    """
    if isinstance(target, Inert):
        target.state = state
    elif not isinstance(target, dict | Tensor):
        # What hangs on a tensor (hooks) or a dictionary (versions) says nothing of its numbers.
        raise RefusedError(f"{shown(target)} is given {shown(state)} to hold")


def persistent(identity: Any) -> Any:
    """What is stored outside the pickle: a storage, or a class with its source text.

    Raises:
        RefusedError: it is neither, or does not say what it must.
    """
    if isinstance(identity, tuple) and len(identity) == 4 and identity[0] == "module":
        if not isinstance(identity[1], Global):
            raise RefusedError(f"{shown(identity[1])} stands where a class must")
        return identity[1]
    if not isinstance(identity, tuple) or len(identity) < 5 or identity[0] != "storage":
        raise RefusedError(f"{shown(identity)} is neither a storage nor a class")
    _, kind, key, _, total, *view = identity
    if not isinstance(kind, Global) or kind.module not in _STORAGE_MODULES:
        raise RefusedError(f"{shown(kind)} is no class of storages")
    if kind.name not in _DTYPES:
        raise RefusedError(
            f"{kind} holds numbers that are not read here, but {', '.join(_DTYPES)} are"
        )
    if not isinstance(key, str):
        raise RefusedError(f"{shown(key)} is no key of a storage")
    total = _number(total, f"the size of the storage {shown(key)}")
    start, size = 0, total
    if view and view[0] is not None:
        start, size = _view(view[0], key, total)
    return Storage(key, _DTYPES[kind.name], total, start, size)


def _view(view: Any, key: str, total: int) -> tuple[int, int]:
    if not isinstance(view, tuple) or len(view) != 3:
        raise RefusedError(f"{shown(view)} describes no part of the storage {shown(key)}")
    what = f"of a part of the storage {shown(key)}"
    start, size = _number(view[1], f"the start {what}"), _number(view[2], f"the size {what}")
    if start + size > total:
        raise RefusedError(f"a part of the storage {shown(key)} ends at {start + size} of {total}")
    return start, size


def _number(value: Any, what: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _MOST_NUMBERS:
        raise RefusedError(f"{what} is {shown(value)}, and must be a number from 0 to 2**60")
    return value


def _numbers(values: Any, what: str) -> tuple[int, ...]:
    if not isinstance(values, tuple) or len(values) > _MOST_AXES:
        raise RefusedError(f"{what}s are {shown(values)}, and must be up to {_MOST_AXES} numbers")
    return tuple(_number(value, f"a {what}") for value in values)


def checked(storage: Any, offset: Any, shape: Any, strides: Any) -> Tensor:
    """A view of a storage.

    Raises:
        RefusedError: it reaches outside of the storage, or meets one of its numbers twice.
    """
    if not isinstance(storage, Storage):
        raise RefusedError(f"{shown(storage)} stands where the storage of a tensor must")
    offset = _number(offset, "the offset of a tensor")
    shape, strides = _numbers(shape, "size of a tensor"), _numbers(strides, "stride of a tensor")
    what = f"a tensor of shape {list(shape)} and strides {list(strides)}"
    if len(shape) != len(strides):
        raise RefusedError(f"{what} has not one stride per axis")
    if 0 in shape:
        # No array of numbers is made of it, whatever the other sizes say.
        if offset > storage.size or max(shape) > 2**31:
            raise RefusedError(f"{what} and offset {offset} is outside of its storage")
        return Tensor(storage, offset, shape, strides)
    last = offset + sum((n - 1) * step for n, step in zip(shape, strides, strict=True))
    if last >= storage.size:
        raise RefusedError(
            f"{what} and offset {offset} reaches the number {last} of a storage of {storage.size}"
        )
    reach = 0
    for step, n in sorted((step, n) for n, step in zip(shape, strides, strict=True) if n > 1):
        # Every step of an axis must jump over all that the finer axes reach. Arrays that PyTorch
        # transposed or sliced do; one that it expanded would be any number of times its file.
        if step <= reach:
            raise RefusedError(f"{what} overlaps itself")
        reach += (n - 1) * step
    return Tensor(storage, offset, shape, strides)


def _rebuild_tensor(function: Global, arguments: tuple[Any, ...]) -> Tensor:
    if len(arguments) < 4:
        raise RefusedError(
            f"{function} is called with {len(arguments)} arguments, and takes 4 or more"
        )
    return checked(*arguments[:4])


def _rebuild_parameter(function: Global, arguments: tuple[Any, ...]) -> Tensor:
    """A parameter is read as its numbers; that it can be trained says nothing here."""
    if not arguments or not isinstance(arguments[0], Tensor):
        raise RefusedError(f"{function} is called without a tensor")
    return arguments[0]


def _ordered_dict(function: Global, arguments: tuple[Any, ...]) -> dict[Any, Any]:
    if len(arguments) > 1 or not all(isinstance(argument, list) for argument in arguments):
        raise RefusedError(f"{function} is called with other things than a list of pairs")
    entries: dict[Any, Any] = {}
    # Python 2 wrote the entries as pairs; Python 3 sets them afterwards.
    for pair in arguments[0] if arguments else ():
        if not isinstance(pair, list | tuple) or len(pair) != 2:
            raise RefusedError(f"{function} is called with {shown(pair)} among its pairs")
        put(entries, *pair)
    return entries


def put(entries: dict[Any, Any], key: Any, value: Any) -> None:
    """Adds an entry to a dictionary.

    Raises:
        RefusedError: the key is there already, or of a kind that takes unbounded time to look up.
    """
    parts = key if isinstance(key, tuple) else (key,)
    if len(parts) > _LONGEST_KEY:
        raise RefusedError(f"{shown(key)} is a key")
    for part in parts:
        if isinstance(part, tuple | list | dict | float):
            raise RefusedError(f"{shown(part)} is a key, or a part of one")
        if isinstance(part, int) and not -(2**63) <= part < 2**63:
            raise RefusedError("a number beyond 64 bits is a key")
    if key in entries:
        raise RefusedError(f"the key {shown(key)} is there twice")
    entries[key] = value


def _inert(function: Global, _arguments: tuple[Any, ...]) -> Inert:
    return Inert(function)


_CALLS: Mapping[tuple[str, str], Callable[[Global, tuple[Any, ...]], Any]] = {
    ("collections", "OrderedDict"): _ordered_dict,
    ("torch._utils", "_rebuild_tensor"): _rebuild_tensor,
    ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
    ("torch._utils", "_rebuild_parameter"): _rebuild_parameter,
    ("torch._utils", "_rebuild_parameter_with_state"): _rebuild_parameter,
    # So did PyTorch 0.3 and 0.4 write them.
    ("torch.nn.parameter", "Parameter"): _rebuild_parameter,
    ("torch.autograd.variable", "Variable"): _rebuild_parameter,
    # What modules hold beside their parameters: sets of names, and byte strings of Python 3.
    **{
        name: _inert
        for module in ("builtins", "__builtin__")
        for name in ((module, "set"), (module, "frozenset"), (module, "bytearray"))
    },
    ("_codecs", "encode"): _inert,
    ("collections", "defaultdict"): _inert,
}
