"""LSTMs three ways: two tagged JAX formulations of one network, and all paths of it by hand in
NumPy.

The NumPy enumeration goes depth first, with partials written down from the LSTM's equations, so it
shares neither code nor idea with pathflow's.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

import pathflow as pf

GATES = ("f", "i", "o", "g")

# Paths from the first word to the quantity of interest, two layers, T words (the paper, Table 1).
PATH_COUNTS = {1: 16, 2: 152, 3: 1089, 4: 6946, 5: 41561}

Weights = list[dict[str, Any]]


def lstm_weights(layers: int, embed: int, hidden: int, seed: int = 0) -> Weights:
    """Per layer: `wx` (gates, hidden, embed), `wh` (gates, hidden, hidden), `b` (gates, hidden)."""
    random = np.random.default_rng(seed)
    widths = [embed, *[hidden] * (layers - 1)]
    return [
        {
            "wx": random.normal(size=(4, hidden, width)) / np.sqrt(width),
            "wh": random.normal(size=(4, hidden, hidden)) / np.sqrt(hidden),
            "b": random.normal(size=(4, hidden)) * 0.3,
        }
        for width in widths
    ]


def _cell(layer: int, weights: Mapping[str, Any], x: Any, state: tuple) -> tuple:
    """One step of one layer with fused gates, all of them tagged."""
    cell, hidden = state
    size = hidden.shape[0]
    wx, wh, b = (
        jnp.reshape(weights[k], (4 * size, *weights[k].shape[2:])) for k in ("wx", "wh", "b")
    )
    parts = jnp.split(wx @ x + wh @ hidden + b, 4)
    squash = (jax.nn.sigmoid, jax.nn.sigmoid, jax.nn.sigmoid, jnp.tanh)
    f, i, o, g = (
        pf.tag(s(p), f"{name}{layer}") for name, s, p in zip(GATES, squash, parts, strict=True)
    )
    cell = pf.tag(f * cell + i * g, f"c{layer}")
    return cell, pf.tag(o * jnp.tanh(cell), f"h{layer}")


def _zeros(weights: Mapping[str, Any]) -> tuple:
    return (jnp.zeros(weights["b"].shape[1]),) * 2


def lstm_by_step(params: Mapping[str, Any]) -> Any:
    """One scan over the words, with all layers in its body. `params`: `layers`, `words` (T, embed),
    `readout`.
    """

    def step(states: tuple, x: Any) -> tuple:
        x, after = pf.tag(x, "x"), []
        for layer, (weights, state) in enumerate(zip(params["layers"], states, strict=True)):
            after.append(_cell(layer, weights, x, state))
            x = after[-1][1]
        return tuple(after), None

    states, _ = lax.scan(step, tuple(map(_zeros, params["layers"])), params["words"])
    return pf.tag(params["readout"] @ states[-1][1], "qoi")


def lstm_by_layer(params: Mapping[str, Any]) -> Any:
    """One scan for each layer, over the stacked outputs of the layer below: the way libraries stack
    layers.
    """
    xs = params["words"]
    for layer, weights in enumerate(params["layers"]):

        def step(state: tuple, x: Any, layer: int = layer, weights: Any = weights) -> tuple:
            state = _cell(layer, weights, x if layer else pf.tag(x, "x"), state)
            return state, state[1]

        _, xs = lax.scan(step, _zeros(weights), xs)
    return pf.tag(params["readout"] @ xs[-1], "qoi")


def lstm_params(layers: int, embed: int, hidden: int, steps: int, seed: int = 0) -> dict[str, Any]:
    """The argument of the two functions above, with random values."""
    random = np.random.default_rng([seed, 1])
    params = {
        "layers": lstm_weights(layers, embed, hidden, seed),
        "words": random.normal(size=(steps, embed)),
        "readout": random.normal(size=hidden),
    }
    return jax.tree.map(jnp.asarray, params)


class NumpyLSTM:
    """The network's nodes and partials at one value of each word, from its equations.

    Arguments:
        weights: as `lstm_weights` makes them.
        words: (T, embed).
        readout: (hidden,); the quantity of interest is its product with the last hidden state.
    """

    def __init__(self, weights: Weights, words: np.ndarray, readout: np.ndarray) -> None:
        self.weights = [{k: np.asarray(v, np.float64) for k, v in w.items()} for w in weights]
        self.words, self.readout = np.asarray(words, np.float64), np.asarray(readout, np.float64)
        self.steps, self.layers = len(words), len(weights)
        self._values = self._forward()

    def _forward(self) -> dict[str, np.ndarray]:
        values = {f"x@{t}": word for t, word in enumerate(self.words)}
        for t in range(self.steps):
            for layer, w in enumerate(self.weights):
                below = values[f"x@{t}" if layer == 0 else f"h{layer - 1}@{t}"]
                zero = np.zeros(w["b"].shape[1])
                h, c = (values.get(f"{n}{layer}@{t - 1}", zero) for n in "hc")
                for k, gate in enumerate(GATES):
                    z = w["wx"][k] @ below + w["wh"][k] @ h + w["b"][k]
                    values[f"{gate}{layer}@{t}"] = (
                        np.tanh(z) if gate == "g" else 1 / (1 + np.exp(-z))
                    )
                f, i, o, g = (values[f"{gate}{layer}@{t}"] for gate in GATES)
                values[f"c{layer}@{t}"] = f * c + i * g
                values[f"h{layer}@{t}"] = o * np.tanh(values[f"c{layer}@{t}"])
        return values

    def _after(self, label: str, tangent: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
        """The nodes that read a node, each with the tangent that reaches it."""
        name, t = label.split("@", maxsplit=1)[0], int(label.split("@")[1])
        kind, layer = name[0], int(name[1:] or -1)
        value = self._values
        if kind in "xh":
            for where, step, matrix in ((layer + 1, t, "wx"), (layer, t + 1, "wh")):
                if (kind == "x" and matrix == "wh") or where == self.layers or step == self.steps:
                    continue
                for k, gate in enumerate(GATES):
                    v = value[f"{gate}{where}@{step}"]
                    slope = 1 - v**2 if gate == "g" else v * (1 - v)
                    yield (
                        f"{gate}{where}@{step}",
                        slope * (self.weights[where][matrix][k] @ tangent),
                    )
            if kind == "h" and layer == self.layers - 1 and t == self.steps - 1:
                yield "qoi", self.readout @ tangent
        elif kind == "o":
            yield f"h{layer}@{t}", np.tanh(value[f"c{layer}@{t}"]) * tangent
        elif kind == "c":
            yield (
                f"h{layer}@{t}",
                value[f"o{layer}@{t}"] * (1 - np.tanh(value[label]) ** 2) * tangent,
            )
            if t + 1 < self.steps:
                yield f"c{layer}@{t + 1}", value[f"f{layer}@{t + 1}"] * tangent
        else:
            before = value.get(f"c{layer}@{t - 1}", np.zeros_like(tangent))
            factor = {"f": before, "i": value[f"g{layer}@{t}"], "g": value[f"i{layer}@{t}"]}[kind]
            yield f"c{layer}@{t}", factor * tangent

    def influences(self, direction: np.ndarray) -> dict[str, float]:
        """Every path from the first word to the quantity of interest, as text, and its influence at
        this point.
        """
        found: dict[str, float] = {}
        stack: list[tuple[str, str, np.ndarray]] = [("x@0", "x@0", np.asarray(direction))]
        while stack:
            path, label, tangent = stack.pop()
            for after, pushed in self._after(label, tangent):
                if after == "qoi":
                    found[f"{path} qoi"] = float(pushed)
                else:
                    stack.append((f"{path} {after}", after, pushed))
        return found


def lstm_path_influences(
    weights: Weights,
    words: np.ndarray,
    readout: np.ndarray,
    points: np.ndarray,
    averaging: Sequence[float],
    direction: np.ndarray,
) -> dict[str, float]:
    """Path influences of the first word, averaged over its values `points` (N, embed) outside the
    product.
    """
    total: dict[str, float] = {}
    for point, weight in zip(points, averaging, strict=True):
        moved = np.concatenate([point[None], words[1:]])
        for path, value in NumpyLSTM(weights, moved, readout).influences(direction).items():
            total[path] = total.get(path, 0.0) + weight * value
    return total
