"""Pooling of images as objects, so that a model's config can hold them."""

import abc
import dataclasses

from jaxtyping import Array, Float

from pathflow._errors import ShapeError
from pathflow.models._parameters import check_size
from pathflow.models._reference import register_part

_Image = Float[Array, "height width channels"]
_Smaller = Float[Array, "h w channels"]


@dataclasses.dataclass(frozen=True)
class AbstractPooling(abc.ABC):
    """Puts one value in the place of each square of `size` times `size` pixels of a channel.

    A subclass is a frozen dataclass with `register_part` before it.

    Arguments:
        size: side of a square in pixels; 1 changes nothing.

    Raises:
        ArgumentError: it is no positive integer.
    """

    size: int = 2

    def __post_init__(self):
        check_size(f"{type(self).__name__}(size=...)", self.size)

    @abc.abstractmethod
    def __call__(self, image: _Image) -> _Smaller:
        """The smaller image.

        Raises:
            ShapeError: the squares do not fill the image.
        """


@register_part
@dataclasses.dataclass(frozen=True)
class MaxPooling(AbstractPooling):
    """The largest value of each square; where several are, they share the derivative. Its argument
    is that of `AbstractPooling`.
    """

    def __call__(self, image: _Image) -> _Smaller:
        """See `AbstractPooling`."""
        return _squares(image, self.size).max((1, 3))


@register_part
@dataclasses.dataclass(frozen=True)
class MeanPooling(AbstractPooling):
    """The mean of each square. Its argument is that of `AbstractPooling`."""

    def __call__(self, image: _Image) -> _Smaller:
        """See `AbstractPooling`."""
        return _squares(image, self.size).mean((1, 3))


def _squares(image: Array, size: int) -> Float[Array, "h size w size channels"]:
    height, width, channels = image.shape
    if height % size or width % size:
        raise ShapeError(
            f"Pooling by squares of {size} pixels does not fill an image of {height} times "
            f"{width}; use an image_shape and a size that do, or fewer stages."
        )
    return image.reshape(height // size, size, width // size, size, channels)
