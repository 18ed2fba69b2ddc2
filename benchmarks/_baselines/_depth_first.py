"""Depth-first from the target, suffixes shared, partials by hand.

Every path that ends alike shares the cotangent of its suffix, so that a vector moves once per edge
of the tree of suffixes instead of once per edge of every path.
"""

import torch
from torch import Tensor

from benchmarks._baselines._found import Found
from benchmarks._gates import SOURCE, TARGET, Gates
from benchmarks._lstm import GATES, Line, Partials, TorchLSTM, forward, partials


class DepthFirst:
    """The influences of all paths of a graph.

    Arguments:
        model: the parameters.
        gates: the graph.
    """

    def __init__(self, model: TorchLSTM, gates: Gates) -> None:
        self.model, self.gates = model, gates

    @torch.no_grad()
    def __call__(self, line: Line) -> Tensor:
        """All influences, predecessor by predecessor from the target on."""
        values = forward(self.model, line.points, line.words)
        found = partials(self.model, self.gates, values)
        # The first edges give the same tangent at all points, whatever follows.
        first = {v: line.direction @ found.weights[SOURCE, v] for v in self.gates.after[SOURCE]}
        out: list[Tensor] = []
        stack = [(self.gates.before[TARGET][0], line.weights[:, None] * found.row)]
        while stack:
            v, cotangent = stack.pop()
            if v == SOURCE:
                out.append(cotangent)
                continue
            if v[0] in GATES:
                cotangent = cotangent * found.slopes[v]
            # Reversed, since the last one in is the first one out.
            for u in reversed(self.gates.before[v]):
                if u == SOURCE:
                    stack.append((u, (cotangent @ first[v]).sum()))
                else:
                    stack.append((u, _pulled(found, u, v, cotangent)))
        return torch.stack(out)

    def found(self, line: Line) -> Found:
        """The influences with their paths."""
        return Found(self(line).numpy(), lambda n: self.gates.prefix(TARGET, n))


def _pulled(found: Partials, u: str, v: str, cotangent: Tensor) -> Tensor:
    weight = found.weights.get((u, v))
    return cotangent * found.factors[u, v] if weight is None else cotangent @ weight.T
