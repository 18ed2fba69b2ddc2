"""Orders in which paths are listed."""

import abc
from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float64

Scores = Float64[np.ndarray, " paths"]


class AbstractOrder(abc.ABC):
    """An order of paths by their influence; equal ones are ordered by rank."""

    @abc.abstractmethod
    def score(self, influences: Scores) -> Scores:
        """One number per path; the larger comes first."""


@final
@dataclass(frozen=True)
class Magnitude(AbstractOrder):
    """The largest absolute influence first."""

    def score(self, influences: Scores) -> Scores:
        return np.abs(influences)


@final
@dataclass(frozen=True)
class Largest(AbstractOrder):
    """The most positive influence first."""

    def score(self, influences: Scores) -> Scores:
        return influences


@final
@dataclass(frozen=True)
class Smallest(AbstractOrder):
    """The most negative influence first."""

    def score(self, influences: Scores) -> Scores:
        return -influences
