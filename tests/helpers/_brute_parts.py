"""A path taken apart by brute force: products of dense Jacobians with masks in between."""

from collections.abc import Mapping, Sequence
from itertools import pairwise, product
from typing import Any

import numpy as np

from tests.helpers._brute import Labels, Points, partials
from tests.helpers._oracle import Run
from tests.helpers._programs import Program


class BruteParts:
    """The Jacobians of a program at some points, for paths with masks on their nodes.

    Arguments:
        program: the program.
        args: its arguments.
        points: the distribution of interest.
    """

    def __init__(self, program: Program, args: Sequence[Any], points: Points) -> None:
        self._points = points
        runs = []
        for k in range(len(points.weights)):
            runs.append(Run(points.at(k)))
            runs[-1].program(program, args)
        values = [{label: cell.value for label, cell in run.nodes.items()} for run in runs]
        self._jacobians = partials(runs[0].nodes, values)

    def parts(
        self, path: Labels, owners: Mapping[str, np.ndarray]
    ) -> dict[tuple[tuple[str, int], ...], float]:
        """The influence of the path through every combination of parts of its divided nodes.

        Arguments:
            path: labels.
            owners: for some nodes, the part of every entry, flattened.
        """
        divided = [n for n in path if n in owners]
        every = product(*(range(int(owners[n].max()) + 1) for n in divided))
        return {
            tuple(zip(divided, chosen, strict=True)): self._through(
                path, {n: owners[n] == i for n, i in zip(divided, chosen, strict=True)}
            )
            for chosen in every
        }

    def _through(self, path: Labels, masks: Mapping[str, np.ndarray]) -> float:
        total = 0.0
        for weight, jacobians in zip(self._points.weights, self._jacobians, strict=True):
            tangent = np.asarray(self._points.direction[path[0]]).ravel()
            tangent = tangent * masks.get(path[0], 1.0)
            for edge in pairwise(path):
                tangent = (jacobians[edge] @ tangent) * masks.get(edge[1], 1.0)
            total += weight * float(tangent.sum())
        return total
