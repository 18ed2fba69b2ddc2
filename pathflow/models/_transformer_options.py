"""What a transformer may be told about positions and about layer norms.

Two independent choices, each an object: how a word's position enters (`LearnedPositions`,
`Rotary`), and where the layers are normalised (`PreNorm`, `PostNorm`).
"""

import abc
import dataclasses
from typing import Any, final

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pathflow._errors import ArgumentError, ShapeError
from pathflow.models._parameters import check_size
from pathflow.models._reference import register_part
from pathflow.models._tokens import check_tokens


class AbstractPositions(abc.ABC):
    """How the position of a word enters."""

    @property
    @abc.abstractmethod
    def max_length(self) -> int | None:
        """The rows of a learned table that is added to the words; None where there is none."""

    @abc.abstractmethod
    def turn(self, x: Float[Array, "heads steps head"]) -> Float[Array, "heads steps head"]:
        """What is done to the queries and the keys of every head."""

    @abc.abstractmethod
    def check(self, head_dim: int) -> None:
        """Refuses heads that it cannot turn.

        Raises:
            ArgumentError: the heads have a width that does not fit.
        """


@final
@register_part
@dataclasses.dataclass(frozen=True)
class LearnedPositions(AbstractPositions):
    """A learned vector for each position, added to the word's (as in GPT-2 and BERT).

    Arguments:
        length: the longest sequence.

    Raises:
        ArgumentError: `length` is no positive integer.
    """

    length: int

    def __post_init__(self) -> None:
        check_size("LearnedPositions(length=...)", self.length)

    @property
    def max_length(self) -> int:
        return self.length

    def turn(self, x: Float[Array, "heads steps head"]) -> Float[Array, "heads steps head"]:
        return x

    def check(self, head_dim: int) -> None:
        del head_dim


@final
@register_part
@dataclasses.dataclass(frozen=True)
class Rotary(AbstractPositions):
    """Queries and keys are turned by angles that grow with the position, so that their products
    depend on distances alone.

    Entry `i` of the first half and entry `i` of the second half of a head, of width `n`, are the
    two coordinates of a point, which at position `t` is turned by

        angle = t * base ** (-2 i / n).

    Arguments:
        base: sets the slowest angle.

    Raises:
        ArgumentError: `base` is not over 1.

    Source: J. Su et al., "RoFormer: Enhanced Transformer with Rotary Position Embedding" (2021),
    with the two halves paired as in GPT-NeoX.
    """

    base: float = 10_000.0

    def __post_init__(self) -> None:
        if not self.base > 1:
            raise ArgumentError(f"Rotary(base={self.base!r}) must be over 1, as in 10000.0.")

    @property
    def max_length(self) -> None:
        return None

    def turn(self, x: Float[Array, "heads steps head"]) -> Float[Array, "heads steps head"]:
        _, steps, width = x.shape
        half = width // 2
        angles = np.outer(np.arange(steps), float(self.base) ** (-np.arange(half) / half))
        cos, sin = (jnp.asarray(f(angles)[None], x.dtype) for f in (np.cos, np.sin))
        first, second = x[..., :half], x[..., half:]
        cos, sin = jnp.broadcast_to(cos, first.shape), jnp.broadcast_to(sin, first.shape)
        return jnp.concatenate([first * cos - second * sin, second * cos + first * sin], axis=-1)

    def check(self, head_dim: int) -> None:
        if head_dim % 2:
            raise ArgumentError(
                f"positions=Rotary() turns pairs of entries, but a head has {head_dim}; choose a "
                "width and a number of heads that leave an even number, or LearnedPositions(...)."
            )


@dataclasses.dataclass(frozen=True)
class AbstractNorm(abc.ABC):
    """Where layer norms stand.

    Arguments:
        epsilon: added to the variance.

    Raises:
        ArgumentError: `epsilon` is not positive.
    """

    epsilon: float = 1e-5

    def __post_init__(self) -> None:
        if not self.epsilon > 0:
            raise ArgumentError(
                f"{type(self).__name__}(epsilon={self.epsilon!r}) must be positive, as in 1e-5."
            )

    @property
    @abc.abstractmethod
    def before(self) -> bool:
        """Whether what a layer reads is normalised (and the last sum), or else what it leaves."""


@final
@register_part
@dataclasses.dataclass(frozen=True)
class PreNorm(AbstractNorm):
    """`x + f(norm(x))`, and a norm after the last layer (as in GPT-2): the residual stream is a
    sum. Its argument is that of `AbstractNorm`.
    """

    @property
    def before(self) -> bool:
        return True


@final
@register_part
@dataclasses.dataclass(frozen=True)
class PostNorm(AbstractNorm):
    """`norm(x + f(x))` (Vaswani et al. 2017, and BERT): the residual stream is normalised after
    every addition. Its argument is that of `AbstractNorm`.
    """

    @property
    def before(self) -> bool:
        return False


def check_length(tokens: Any, positions: AbstractPositions, n_words: int) -> None:
    """Refuses what is no sequence of words, or one too long.

    Raises:
        ShapeError: it is no vector of integers, is empty, or is longer than the learned positions.
        UnknownWordError: a number is none of the model's `n_words` words.
    """
    check_tokens(tokens, n_words)
    longest = positions.max_length
    if longest is not None and len(tokens) > longest:
        raise ShapeError(
            f"tokens has {len(tokens)} words, and the model learned {longest} positions; cut it, "
            "or make the model with a greater LearnedPositions(...)."
        )
