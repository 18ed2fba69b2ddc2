"""Differentiate along paths: how much of a quantity flows through which path of a JAX function,
exactly.

The reference models are in `pathflow.models`, the figures in `pathflow.plot` and files for other
programs in `pathflow.exports`, which are imported by name; all the rest is here.
"""

import importlib as _importlib
import sys as _sys
import typing as _t

from ._version import __version__ as __version__

# JAX takes most of a second to import, and a command line that answers `--help` needs none of it.
# So the first name that is asked for brings all names: one alone would miss what others register.
# A type checker sees the names, and not the function, which would make it believe in any name.
if _t.TYPE_CHECKING:
    from ._api import *
else:

    def __getattr__(name: str) -> _t.Any:
        if name == "__all__" or not name.startswith("__"):
            public = _public()
            # What somebody has put in the place of a name since then stays.
            for key, value in {**public, "__all__": sorted(public)}.items():
                globals().setdefault(key, value)
        try:
            return globals()[name]
        except KeyError:
            message = f"module {__name__!r} has no attribute {name!r}"
            raise AttributeError(message, name=name, obj=_sys.modules[__name__]) from None

    def __dir__() -> list[str]:
        return sorted({*globals(), *_public()})

    def _public() -> dict[str, _t.Any]:
        found = vars(_importlib.import_module("._api", __name__))
        return {name: value for name, value in found.items() if not name.startswith("_")}
