"""One chain of vector-Jacobian products per path.

The definition of a path's influence, taken at its word: from the target back to the source, each
edge differentiated by itself with everything else held fixed, all points at a time. Nothing is
shared between paths except the forward pass.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from benchmarks._baselines._found import Found
from benchmarks._gates import TARGET, Gates, Labels
from benchmarks._lstm import Line, TorchLSTM, forward, local


class Chain:
    """The influences of a sample of all paths.

    Arguments:
        model: the parameters.
        gates: the graph of all paths.
        sample: how many paths to take, at random and without repetition.
        seed: of the sample.
    """

    def __init__(self, model: TorchLSTM, gates: Gates, sample: int, seed: int) -> None:
        self.model = model
        random = np.random.default_rng(seed)
        taken = random.choice(gates.count, min(sample, gates.count), replace=False)
        self.whole = len(taken) == gates.count
        self.paths: Sequence[Labels] = [gates.prefix(TARGET, int(n)) for n in taken]

    @torch.no_grad()
    def values(self, line: Line) -> dict[str, Tensor]:
        """The forward pass, by itself: it is done once however many paths follow."""
        return forward(self.model, line.points, line.words)

    def __call__(self, line: Line, values: dict[str, Tensor]) -> list[Tensor]:
        return [self._influence(line, values, path) for path in self.paths]

    def found(self, line: Line) -> Found:
        """The influences with their paths."""
        influences = torch.stack(self(line, self.values(line)))
        return Found(influences.numpy(), self.paths.__getitem__, self.whole)

    def _influence(self, line: Line, values: dict[str, Tensor], path: Labels) -> Tensor:
        cotangent = line.weights
        for u, v in zip(path[-2::-1], path[:0:-1], strict=True):
            at = values[u].detach().requires_grad_()
            out = local(self.model, v, {**values, u: at}, line.words)
            (cotangent,) = torch.autograd.grad(out, at, cotangent)
        return (cotangent @ line.direction).sum()
