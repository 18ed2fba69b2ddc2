"""Which values become nodes."""

import abc
from dataclasses import dataclass
from fnmatch import fnmatchcase


class AbstractNodeSelector(abc.ABC):
    """Decides, by name, which marked values of a function become nodes."""

    @abc.abstractmethod
    def __call__(self, name: str) -> bool:
        """Whether a value marked with this name is a node."""


@dataclass(frozen=True)
class Tagged(AbstractNodeSelector):
    """Values marked by `pathflow.tag` (or `jax.ad_checkpoint.checkpoint_name`) under a name that
    matches a glob.
    """

    patterns: tuple[str, ...] = ("*",)

    def __call__(self, name: str) -> bool:
        return any(fnmatchcase(name, pattern) for pattern in self.patterns)


def tagged(*patterns: str) -> Tagged:
    """The tagged values are the nodes: all of them, or those whose name matches one of the globs.

    Example:
        ```python
        pf.trace(fn, x, nodes=pf.tagged("c*", "h*"))  # a coarser graph of the same function
        ```
    """
    return Tagged(patterns or ("*",))
