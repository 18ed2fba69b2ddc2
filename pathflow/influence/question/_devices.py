"""Devices over which one process spreads its work."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, final

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from pathflow._errors import ArgumentError
from pathflow._whole_number import whole_number
from pathflow.tracing import Value

_AXES = ("examples", "points", "paths")


@final
@dataclass(frozen=True)
class Devices:
    """A grid of this process's devices, over which examples, points of interest and paths are cut.

    Each device holds its examples at its points; the paths through a crossing are cut where they
    are multiplied out, which is most of the work where there are many. The compiler puts in what
    the devices say to each other (`jax.sharding`): sums over points, and nothing where only
    examples and paths are cut. Results are those of one device to rounding, since sums over points
    are taken in another order and matrices have other shapes.

    Arguments:
        examples: over how many devices the examples are cut; no more than there are examples.
        points: over how many the points of interest are.
        paths: over how many the paths are, at each crossing.
        devices: which ones, `examples * points * paths` of them; by default the first of
            `jax.local_devices()`.

    Raises:
        ArgumentError: a number is below 1, there are not so many devices, or one is none of JAX's.

    Example:
        ```python
        search = pf.Enumerate(devices=pf.Devices(points=jax.local_device_count()))
        ```
    """

    examples: int = 1
    points: int = 1
    paths: int = 1
    devices: tuple[Any, ...] | None = None

    def __post_init__(self) -> None:
        for name, number in zip(_AXES, self.shape, strict=True):
            whole = whole_number(number)
            if whole is None or whole < 1:
                raise ArgumentError(
                    f"Devices({name}={number!r}) takes a number of devices, 1 or more."
                )
            object.__setattr__(self, name, whole)
        self._check_devices()
        there = jax.local_devices() if self.devices is None else self.devices
        needed = prod(self.shape)
        if len(there) < needed or (self.devices is not None and len(there) != needed):
            what = "this process has" if self.devices is None else "devices= names"
            shown = ", ".join(f"{n}={k}" for n, k in zip(_AXES, self.shape, strict=True))
            raise ArgumentError(
                f"Devices({shown}) takes {needed} devices, and {what} {len(there)}; lower one of "
                "the numbers, or run several processes (pathflow.Shard)."
            )

    def _check_devices(self) -> None:
        given = self.devices
        if given is None:
            return
        listed = isinstance(given, Sequence) and not isinstance(given, str)
        if not listed or not all(isinstance(d, jax.Device) for d in given):
            raise ArgumentError(
                f"Devices(devices={given!r:.60}) takes a tuple of JAX's devices, as in "
                "tuple(jax.devices()[:2]); leave it out for the first of this process."
            )
        object.__setattr__(self, "devices", tuple(given))

    @property
    def shape(self) -> tuple[int, int, int]:
        """Over how many devices examples, points and paths are cut."""
        return self.examples, self.points, self.paths

    @property
    def mesh(self) -> Mesh:
        """The grid."""
        there = jax.local_devices() if self.devices is None else self.devices
        return Mesh(np.array(there[: prod(self.shape)]).reshape(self.shape), _AXES)

    def check_examples(self, examples: int | None) -> None:
        """Refuses to cut fewer examples than there are devices for them.

        Raises:
            ArgumentError: there are fewer.
        """
        if self.examples > (examples or 1):
            raise ArgumentError(
                f"Devices(examples={self.examples}): there "
                f"{'is 1 example' if (examples or 1) == 1 else f'are {examples} examples'} to cut; "
                "give no more devices than that, and the others to points= or paths=."
            )

    def replicated(self, values: Mapping[Any, Value]) -> dict[Any, Value]:
        """Values without examples or points, whole on every device."""
        return {k: v if v.batched else self._placed(v, False) for k, v in values.items()}

    def cut(self, value: Value) -> Value:
        """A value with its axes of examples and points cut over the devices."""
        return self._placed(value, value.batched)

    def _placed(self, value: Value, batched: bool) -> Value:
        array = self._put(value.array, [*["examples"] * batched, *["points"] * value.pointed])
        return Value(array, value.batched, value.pointed)

    def cut_weights(self, weights: Any) -> Any:
        """Weights, `([examples,] points)`, cut likewise."""
        return self._put(weights, ["examples", "points"][-weights.ndim :])

    def cut_paths(self, vectors: Any, examples: int | None) -> Any:
        """Tangents or cotangents, `(paths, [examples,] points, ...)`, filled up with zeros to a
        number of paths that the devices divide, and cut.
        """
        if self.paths == 1:
            return vectors
        widths = [(0, -len(vectors) % self.paths), *[(0, 0)] * (vectors.ndim - 1)]
        batch = [] if examples is None else ["examples"]
        return self._put(jnp.pad(vectors, widths), ["paths", *batch, "points"])

    def cut_rows(self, numbers: np.ndarray) -> Any:
        """Numbers of paths, filled up with zeros to as many as the devices divide, and cut."""
        filled = np.zeros(len(numbers) + -len(numbers) % self.paths, numbers.dtype)
        filled[: len(numbers)] = numbers
        return self._put(filled, ["paths"])

    def _put(self, array: Any, axes: list[str]) -> Any:
        sizes = zip(axes, array.shape, strict=False)
        # One example alone, as where its paths are cut into blocks, is whole on every device.
        spec = [axis if size % self.mesh.shape[axis] == 0 else None for axis, size in sizes]
        return jax.device_put(array, NamedSharding(self.mesh, PartitionSpec(*spec)))


def check_devices(devices: Any, search: str) -> None:
    """Refuses what is no grid of devices.

    Raises:
        ArgumentError: it is none.
    """
    if not isinstance(devices, Devices | None):
        raise ArgumentError(
            f"{search}(devices={devices!r:.60}) takes a pathflow.Devices, as Devices(points=2) for "
            "the points over two."
        )
