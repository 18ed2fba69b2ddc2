"""Guided refinement: one path, node by node, along which most still flows.

Source: guided pattern refinement of Lu et al., "Influence Patterns for Explaining Information Flow
in BERT" (2021), with a choice at every node. A pattern of nodes stands for all paths through them;
it is made finer by the node through which the pattern has the largest influence.
"""

import numpy as np
import torch
from torch import Tensor

from benchmarks._baselines._found import Found
from benchmarks._gates import SOURCE, TARGET, Gates, Labels
from benchmarks._lstm import Line, Partials, TorchLSTM, forward, partials


class Guided:
    """The path that is found, and its influence.

    Arguments:
        model: the parameters.
        gates: the graph of all paths.
    """

    def __init__(self, model: TorchLSTM, gates: Gates) -> None:
        self.model, self.gates = model, gates

    def __call__(self, line: Line) -> tuple[Labels, float]:
        """One backward pass gives what follows each node; tangents go along the path."""
        onwards, values = self._onwards(line)
        found = partials(self.model, self.gates, values)
        path, tangent = [SOURCE], line.direction
        while path[-1] != TARGET:
            u = path[-1]
            ways = {v: _pushed(found, u, v, tangent) for v in self.gates.after[u]}
            flows = {v: (line.weights @ (way * onwards[v])).sum() for v, way in ways.items()}
            best = max(flows, key=lambda v: abs(float(flows[v])))
            path.append(best)
            tangent = ways[best]
        return tuple(path), float(line.weights @ tangent[:, 0])

    def found(self, line: Line) -> Found:
        """The influence with its path."""
        path, influence = self(line)
        return Found(np.array([influence], np.float32), lambda _: path, whole=False)

    def _onwards(self, line: Line) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """The derivative of the quantity with respect to every node, at each point."""
        kept: dict[str, Tensor] = {}

        def mark(label: str, value: Tensor) -> Tensor:
            kept[label] = value
            return value

        with torch.enable_grad():
            first = line.points.detach().requires_grad_()
            values = forward(self.model, first, line.words, mark)
            nodes = [n for n in self.gates.nodes if n in kept]
            derivatives = torch.autograd.grad(values[TARGET].sum(), [kept[n] for n in nodes])
        onwards = dict(zip(nodes, derivatives, strict=True))
        onwards[TARGET] = torch.ones(len(line.weights), 1, dtype=line.points.dtype)
        return onwards, {n: v.detach() for n, v in values.items()}


def _pushed(found: Partials, u: str, v: str, tangent: Tensor) -> Tensor:
    """A tangent at the points, moved along an edge."""
    if v == TARGET:
        return (tangent @ found.row)[:, None]
    if (u, v) in found.factors:
        return tangent * found.factors[u, v]
    return (tangent @ found.weights[u, v]) * found.slopes[v]
