"""Meeting in the middle in PyTorch, at the exact best cut, with partials by hand."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import accumulate

import numpy as np
import torch
from torch import Tensor

from benchmarks._baselines._found import Found
from benchmarks._gates import SOURCE, TARGET, Gates, Labels, located
from benchmarks._lstm import Line, Partials, TorchLSTM, forward, partials
from benchmarks._plan import Plan, make_plan

# The nodes of the crossing edges in the order of a block's rows and of its columns.
Ends = tuple[Sequence[str], Sequence[str]]


class Meet:
    """The influences of all paths of a graph.

    Arguments:
        model: the parameters.
        gates: the graph.
        points: how many points there will be, for the choice of the cut.
    """

    def __init__(self, model: TorchLSTM, gates: Gates, points: int) -> None:
        self.model, self.gates = model, gates
        self.plan: Plan = make_plan(gates, model.units, points)

    @torch.no_grad()
    def __call__(self, line: Line) -> list[Tensor]:
        """Blocks of influences, `(prefixes, suffixes)` each."""
        values = forward(self.model, line.points, line.words)
        found = partials(self.model, self.gates, values)
        prefixes = self._prefixes(found, line)
        suffixes = self._suffixes(found, line)
        blocks = []
        for v, us in self.plan.pushed.items():
            moved = self._pushed(us, v, prefixes, found)
            blocks.append(moved.flatten(1) @ suffixes[v].flatten(1).T)
        for u, vs in self.plan.pulled.items():
            moved = self._pulled(u, vs, suffixes, found)
            blocks.append(prefixes[u].flatten(1) @ moved.flatten(1).T)
        return blocks

    def found(self, line: Line) -> Found:
        """The influences with their paths."""
        blocks = self(line)
        ends: list[Ends] = [(us, [v]) for v, us in self.plan.pushed.items()]
        ends += [([u], vs) for u, vs in self.plan.pulled.items()]
        starts = [0, *accumulate(b.numel() for b in blocks)]
        prefixes, suffixes = self.gates.prefixes, self.gates.suffixes

        def path(number: int) -> Labels:
            block = bisect_right(starts, number) - 1
            row, column = divmod(number - starts[block], blocks[block].shape[1])
            us, vs = ends[block]
            return (
                *self.gates.prefix(*located(us, prefixes, row)),
                *self.gates.suffix(*located(vs, suffixes, column)),
            )

        return Found(np.concatenate([b.numpy().ravel() for b in blocks]), path)

    def _prefixes(self, found: Partials, line: Line) -> dict[str, Tensor]:
        """Tangents, `(prefixes, points, units)`."""
        vectors = {SOURCE: line.direction[None, None]}
        for v in self.plan.left:
            vectors[v] = self._pushed(self.gates.before[v], v, vectors, found)
            if v in found.slopes:
                vectors[v].mul_(found.slopes[v])
        return vectors

    def _suffixes(self, found: Partials, line: Line) -> dict[str, Tensor]:
        """Cotangents, `(suffixes, points, units)`; those of a gate are of its pre-activation."""
        vectors = {TARGET: line.weights[None, :, None]}
        for u in self.plan.right:
            vectors[u] = self._pulled(u, self.gates.after[u], vectors, found)
            if u in found.slopes:
                vectors[u].mul_(found.slopes[u])
        return vectors

    def _pushed(
        self, us: Sequence[str], v: str, vectors: Mapping[str, Tensor], found: Partials
    ) -> Tensor:
        """The tangents that some nodes send to one, in one buffer; to gates, without the slope."""
        if v == TARGET:
            return torch.cat([vectors[u] @ found.row[:, None] for u in us])
        counts = [self.gates.prefixes[u] for u in us]
        out = self._buffer(sum(counts), found)
        for u, part in zip(us, out.split(counts), strict=True):
            if u == SOURCE:
                part.copy_(vectors[u] @ found.weights[u, v])
            elif (u, v) in found.weights:
                torch.mm(_rows(vectors[u]), found.weights[u, v], out=_rows(part))
            else:
                torch.mul(vectors[u], found.factors[u, v], out=part)
        return out

    def _pulled(
        self, u: str, vs: Sequence[str], vectors: Mapping[str, Tensor], found: Partials
    ) -> Tensor:
        """The cotangents that one node takes from some others, in one buffer."""
        counts = [self.gates.suffixes[v] for v in vs]
        out = self._buffer(sum(counts), found)
        for v, part in zip(vs, out.split(counts), strict=True):
            if v == TARGET:
                torch.mul(vectors[v], found.row, out=part)
            elif (u, v) in found.weights:
                torch.mm(_rows(vectors[v]), found.weights[u, v].T, out=_rows(part))
            else:
                torch.mul(vectors[v], found.factors[u, v], out=part)
        return out

    def _buffer(self, count: int, found: Partials) -> Tensor:
        slope = next(iter(found.slopes.values()))
        return slope.new_empty(count, *slope.shape)


def _rows(vectors: Tensor) -> Tensor:
    return vectors.view(-1, vectors.shape[-1])
