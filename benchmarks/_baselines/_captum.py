"""Captum: integrated gradients, the sum of all paths, and conductance, the sums through nodes.

Source: Kokhlikyan et al., "Captum: A unified and generic model interpretability library for
PyTorch" (2020); its `riemann_middle` is the midpoint rule.
"""

from collections.abc import Sequence

import numpy as np
import torch
from captum.attr import IntegratedGradients, LayerConductance
from torch import Tensor, nn

from benchmarks._gates import TARGET
from benchmarks._lstm import TorchLSTM, forward
from benchmarks._lstm import tensor as tensor_of
from benchmarks._pathflow import Sentence


def captum_total(model: TorchLSTM, sentence: Sentence, points: int) -> float:
    """The integrated gradient of the first word, summed over its entries."""
    words = tensor_of(sentence.words)

    def quantity(first: Tensor) -> Tensor:
        return forward(model, first, words)[TARGET]

    with torch.enable_grad():
        attributions = IntegratedGradients(quantity).attribute(**_asked(sentence, points))
    return float(np.asarray(attributions.detach()).sum(dtype=np.float64))


def captum_layers(
    model: TorchLSTM, nodes: Sequence[str], sentence: Sentence, points: int
) -> dict[str, float]:
    """The conductance of each node, summed over its entries.

    Captum answers one layer at a time, and takes the difference of a layer's values at neighbouring
    points where the conductance has its derivative along the line.
    """
    module = _Marked(model, nodes, tensor_of(sentence.words))
    found = {}
    for node in nodes:
        conductance = LayerConductance(module, module.of(node))
        with torch.enable_grad():
            value = conductance.attribute(**_asked(sentence, points))
        found[node] = float(np.asarray(value.detach()).sum(dtype=np.float64))
    return found


class _Marked(nn.Module):
    """The quantity as a function of the first word, each node the output of a module."""

    def __init__(self, model: TorchLSTM, nodes: Sequence[str], words: Tensor) -> None:
        super().__init__()
        self.model, self.words = model, words
        self.marks = nn.ModuleDict({node: nn.Identity() for node in nodes})

    def of(self, node: str) -> nn.Module:
        return self.marks[node]

    def forward(self, first: Tensor) -> Tensor:
        return forward(self.model, first, self.words, self._mark)[TARGET]

    def _mark(self, label: str, value: Tensor) -> Tensor:
        return self.marks[label](value) if label in self.marks else value


def _asked(sentence: Sentence, points: int) -> dict:
    """What both are asked; all points in one batch."""
    return {
        "inputs": tensor_of(sentence.words)[:1],
        "baselines": tensor_of(sentence.baseline)[None],
        "n_steps": points,
        "method": "riemann_middle",
        "internal_batch_size": None,
    }
