"""Captum's integrated gradients: the sum of all paths and nothing else.

Source: Kokhlikyan et al., "Captum: A unified and generic model interpretability library for
PyTorch" (2020); its `riemann_middle` is the midpoint rule.
"""

import numpy as np
import torch
from captum.attr import IntegratedGradients
from torch import Tensor

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
        attributions = IntegratedGradients(quantity).attribute(
            words[:1],
            tensor_of(sentence.baseline)[None],
            n_steps=points,
            method="riemann_middle",
            internal_batch_size=None,
        )
    return float(np.asarray(attributions.detach()).sum(dtype=np.float64))
