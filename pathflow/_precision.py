"""What asks for float64 where JAX has it turned off, which makes float32 of it without a word."""

from typing import Any

import jax
import numpy as np

from pathflow._errors import X64DisabledError

_REMEDY = (
    'Turn it on before anything else, by jax.config.update("jax_enable_x64", True) or '
    "JAX_ENABLE_X64=1"
)


def check_precision(what: str, value: Any) -> None:
    """Refuses an array, or a dtype, that JAX would silently make another of.

    Python's numbers and NumPy's single numbers ask for no precision.

    Arguments:
        what: how messages call it, as in `attribute: args[0]`.
        value: an array of any library, a `jax.ShapeDtypeStruct`, or a NumPy dtype.

    Raises:
        X64DisabledError: it is float64 or complex128, or holds integers that need 64 bits, and
            JAX's x64 is off.
    """
    dtype = value if isinstance(value, np.dtype) else getattr(value, "dtype", None)
    if not isinstance(dtype, np.dtype) or isinstance(value, np.generic):
        return
    held = jax.dtypes.canonicalize_dtype(dtype)
    if held == dtype:
        return
    if dtype.kind in "fc":
        convert = f".astype({held.name!r})" if hasattr(value, "astype") else f"dtype={held.name!r}"
        raise X64DisabledError(
            f"{what} is {dtype.name}, but JAX's x64 is off and would make it {held.name}. "
            f"{_REMEDY}; or convert it, if {held.name} is meant: {convert}."
        )
    if isinstance(value, np.ndarray) and value.size:
        limits, ends = np.iinfo(held), (int(value.min()), int(value.max()))
        if ends[0] < limits.min or ends[1] > limits.max:
            wrong = ends[1] if ends[1] > limits.max else ends[0]
            raise X64DisabledError(
                f"{what} holds {wrong:,}, but JAX's x64 is off and would wrap it to {held.name}. "
                f"{_REMEDY}."
            )
