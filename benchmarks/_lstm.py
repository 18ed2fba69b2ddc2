"""The same LSTM in PyTorch: forward pass, local functions of single nodes, partials by hand.

Parameters are copied from the JAX model, gate order f, i, o, g and biases included. The decoder is
restricted to the two words whose logits are compared, since nothing else is asked for.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from benchmarks._gates import SOURCE, TARGET, Edge, Gates, Kind
from benchmarks._pathflow import Sentence
from pathflow.models import LSTMLanguageModel

GATES = "fiog"


@dataclass(frozen=True)
class Layer:
    """One layer; the gates lie side by side, `(in, 4 units)`.

    Arguments:
        kernel: weights of the input.
        recurrent: weights of the layer's own last hidden state.
        bias: `(4 units,)`.
        blocks: the weights of one gate, `(in, units)`, by gate and by whether they are recurrent.
    """

    kernel: Tensor
    recurrent: Tensor
    bias: Tensor
    blocks: Mapping[tuple[str, bool], Tensor] = field(init=False)

    def __post_init__(self) -> None:
        blocks = {
            (gate, own): part.contiguous()
            for own, weight in ((False, self.kernel), (True, self.recurrent))
            for gate, part in zip(GATES, weight.chunk(4, dim=1), strict=True)
        }
        object.__setattr__(self, "blocks", blocks)


@dataclass(frozen=True)
class TorchLSTM:
    """The layers, and the difference of the decoder's two rows, `(units,)`."""

    layers: tuple[Layer, ...]
    row: Tensor

    @property
    def units(self) -> int:
        """Width of a layer."""
        return len(self.row)

    def weight(self, u: str, gate: str) -> Tensor:
        """The matrix from a node to a gate, `(in, units)`."""
        own = u[0] == "h" and u[1] == gate[1]
        return self.layers[int(gate[1])].blocks[gate[0], own]


@dataclass(frozen=True)
class Line:
    """Points between the baseline and the first word.

    Arguments:
        points: `(points, embedding)`.
        weights: `(points,)`.
        direction: `(embedding,)`.
        words: embeddings of all words, `(T, embedding)`.
    """

    points: Tensor
    weights: Tensor
    direction: Tensor
    words: Tensor


def tensor(array: object) -> Tensor:
    """A copy of any array."""
    return torch.from_numpy(np.array(array))


def copied(model: LSTMLanguageModel, good: int, bad: int) -> TorchLSTM:
    """The parameters of a JAX model, with the difference of two words' output rows."""
    layers = (
        Layer(tensor(x.input_kernel[...]), tensor(x.recurrent_kernel[...]), tensor(x.bias[...]))
        for x in model.layers
    )
    rows = np.asarray(model.output_rows)
    return TorchLSTM(tuple(layers), tensor(rows[good] - rows[bad]))


def midpoints(sentence: Sentence, count: int) -> Line:
    """The points of the midpoint rule."""
    start, words = tensor(sentence.baseline), tensor(sentence.words)
    at = (torch.arange(count, dtype=start.dtype) + 0.5) / count
    direction = words[0] - start
    points = start + at[:, None] * direction
    return Line(points, torch.full((count,), 1 / count), direction, words)


def _unmarked(_label: str, value: Tensor) -> Tensor:
    return value


def forward(
    model: TorchLSTM,
    first: Tensor,
    words: Tensor,
    mark: Callable[[str, Tensor], Tensor] = _unmarked,
) -> dict[str, Tensor]:
    """The values of all nodes at some points.

    All gates come from one product, and the words after the first, which are the same at all
    points, are projected once.

    Arguments:
        model: the parameters.
        first: the first word's embedding at the points, `(points, embedding)`.
        words: embeddings of all words; the first is not used.
        mark: what each node but the first word goes through, for libraries that ask for modules.

    Returns:
        By label; `(points, units)` each, the target `(points,)`.
    """
    values = {SOURCE: first}
    later = torch.addmm(model.layers[0].bias, words[1:], model.layers[0].kernel)
    for t in range(len(words)):
        for index, layer in enumerate(model.layers):
            if t and not index:
                z = later[t - 1]
            else:
                below = values[f"h{index - 1}@{t}"] if index else first
                z = torch.addmm(layer.bias, below, layer.kernel)
            if t:
                before = values[f"h{index}@{t - 1}"]
                z = torch.addmm(z.expand(len(first), -1), before, layer.recurrent)
            f, i, o, g = z.chunk(4, dim=1)
            f, i, o, g = f.sigmoid(), i.sigmoid(), o.sigmoid(), g.tanh()
            names = [f"{name}{index}@{t}" for name in "fiogch"]
            f, i, o, g = (mark(*x) for x in zip(names[:4], (f, i, o, g), strict=True))
            cell = torch.addcmul(i * g, f, values[f"c{index}@{t - 1}"]) if t else i * g
            cell = mark(names[4], cell)
            hidden = mark(names[5], o * cell.tanh())
            values |= zip(names, (f, i, o, g, cell, hidden), strict=True)
    values[TARGET] = values[f"h{len(model.layers) - 1}@{len(words) - 1}"] @ model.row
    return values


def local(model: TorchLSTM, node: str, values: Mapping[str, Tensor], words: Tensor) -> Tensor:
    """One node's value from its predecessors', for automatic differentiation of one edge."""
    if node == TARGET:
        return values[f"h{len(model.layers) - 1}@{len(words) - 1}"] @ model.row
    kind, index, t = node[0], int(node[1]), int(node[3:])
    if kind == "h":
        return values[f"o{index}@{t}"] * values[f"c{index}@{t}"].tanh()
    if kind == "c":
        f, i, g = (values[f"{name}{index}@{t}"] for name in "fig")
        old = values[f"c{index}@{t - 1}"] if t else torch.zeros_like(f)
        return f * old + i * g
    layer = model.layers[index]
    below = values[f"h{index - 1}@{t}"] if index else (words[t][None] if t else values[SOURCE])
    z = below @ layer.blocks[kind, False] + layer.bias.chunk(4)[GATES.index(kind)]
    if t:
        z = z + values[f"h{index}@{t - 1}"] @ layer.blocks[kind, True]
    return z.tanh() if kind == "g" else z.sigmoid()


@dataclass(frozen=True)
class Partials:
    """The partials of all edges at the points.

    Arguments:
        weights: by edge into a gate, `(in, units)`; the gate's slope comes after it.
        slopes: by gate, `(points, units)`.
        factors: by elementwise edge, `(points, units)`.
        row: of the edge to the target, `(units,)`.
    """

    weights: Mapping[Edge, Tensor]
    slopes: Mapping[str, Tensor]
    factors: Mapping[Edge, Tensor]
    row: Tensor


def partials(model: TorchLSTM, gates: Gates, values: Mapping[str, Tensor]) -> Partials:
    """The partials of a graph's edges, by hand."""
    slopes = {
        n: torch.addcmul(v, v, v, value=-1) if n[0] != "g" else 1 - v * v
        for n, v in values.items()
        if n[0] in GATES
    }
    weights, factors = {}, {}
    for (u, v), kind in gates.kinds.items():
        if kind in (Kind.DENSE, Kind.SHARED):
            weights[u, v] = model.weight(u, v)
        elif kind is Kind.SCALE:
            factors[u, v] = _factor(values, u, v)
    return Partials(weights, slopes, factors, model.row)


def _factor(values: Mapping[str, Tensor], u: str, v: str) -> Tensor:
    index, t = v[1], int(v[3:])
    if v[0] == "h":
        squashed = values[f"c{index}@{t}"].tanh()
        return squashed if u[0] == "o" else values[f"o{index}@{t}"] * (1 - squashed * squashed)
    if u[0] == "f":
        return values[f"c{index}@{t - 1}"] if t else torch.zeros_like(values[u])
    return values[{"i": f"g{index}@{t}", "g": f"i{index}@{t}", "c": f"f{index}@{t}"}[u[0]]]
