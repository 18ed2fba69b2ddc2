"""The same networks twice, in PyTorch and in JAX, written apart and sharing only their weights."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import torch
from jax import lax
from torch import nn
from torch.nn import functional as F  # noqa: N812  (its usual name)

import pathflow as pf

Weights = dict[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class Pair:
    """One network in both libraries.

    Arguments:
        module: in PyTorch, of a batch; each node is the output of an `nn.Identity` of its name.
        fn: in JAX, of one example.
        x: an input.
        baseline: another one.
        layers: the names of nodes inside.
    """

    module: nn.Module
    fn: Callable[[Any], Any]
    x: np.ndarray
    baseline: np.ndarray
    layers: tuple[str, ...]


class _Marked(nn.Module):
    def __init__(self, weights: Weights, layers: tuple[str, ...]) -> None:
        super().__init__()
        self.w = {k: torch.from_numpy(v) for k, v in weights.items()}
        for name in layers:
            self.add_module(name, nn.Identity())


class _TorchMLP(_Marked):
    def forward(self, x):
        a = self.a(torch.tanh(F.linear(x, self.w["a"])))
        b = self.b(torch.sigmoid(F.linear(x, self.w["b"])))
        c = self.c(F.softplus(F.linear(a * b, self.w["c"]) + a))
        return F.linear(c, self.w["out"]) + F.linear(x, self.w["skip"])


def _jax_mlp(w):
    def fn(x):
        a = pf.tag(jnp.tanh(w["a"] @ x), "a")
        b = pf.tag(jax.nn.sigmoid(w["b"] @ x), "b")
        c = pf.tag(jax.nn.softplus(w["c"] @ (a * b) + a), "c")
        return w["out"] @ c + w["skip"] @ x

    return fn


class _TorchCNN(_Marked):
    def forward(self, x):
        conv = self.conv(F.relu(F.conv2d(x, self.w["conv"])))
        largest = self.max(F.max_pool2d(conv, 2))
        mean = self.mean(F.avg_pool2d(conv, 2))
        mix = self.mix(torch.tanh(F.conv2d(largest + mean, self.w["mix"])))
        return F.linear(mix.flatten(1), self.w["out"])


def _jax_cnn(w):
    def windows(x, start, combine):
        return lax.reduce_window(x, start, combine, (1, 2, 2), (1, 2, 2), "VALID")

    def conv(x, kernel):
        return lax.conv(x[None], kernel, (1, 1), "VALID")[0]

    def fn(x):
        y = pf.tag(jax.nn.relu(conv(x, w["conv"])), "conv")
        largest = pf.tag(windows(y, -np.inf, lax.max), "max")
        mean = pf.tag(windows(y, 0.0, lax.add) / 4, "mean")
        mix = pf.tag(jnp.tanh(conv(largest + mean, w["mix"])), "mix")
        return w["out"] @ mix.ravel()

    return fn


class _TorchAttention(_Marked):
    def forward(self, x):
        q, k, v = (self.get_submodule(n)(F.linear(x, self.w[n])) for n in "qkv")
        weights = self.weights(torch.softmax(q @ k.transpose(1, 2), dim=-1))
        mixed = self.mixed(weights @ v)
        y = self.norm(F.layer_norm(x + mixed, x.shape[-1:], eps=1e-5))
        return F.linear(y[:, -1], self.w["out"])


def _jax_attention(w):
    def fn(x):
        q, k, v = (pf.tag(x @ w[n].T, n) for n in "qkv")
        weights = pf.tag(jax.nn.softmax(q @ k.T, axis=-1), "weights")
        y = x + pf.tag(weights @ v, "mixed")
        centred = y - y.mean(-1, keepdims=True)
        deviation = jnp.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5)
        return w["out"] @ pf.tag(centred / deviation, "norm")[-1]

    return fn


def _pair(torch_class, make, shape, layers, **shapes):
    random = np.random.default_rng(3)
    weights = {k: random.normal(size=s) / np.sqrt(np.prod(s[1:])) for k, s in shapes.items()}
    x, baseline = random.normal(size=shape), 0.3 * random.normal(size=shape)
    fn = make({k: jnp.asarray(v) for k, v in weights.items()})
    return Pair(torch_class(weights, layers), fn, x, baseline, layers)


PAIRS = {
    "MLP": _pair(
        _TorchMLP, _jax_mlp, (4,), ("a", "b", "c"),
        a=(5, 4), b=(5, 4), c=(5, 5), out=(3, 5), skip=(3, 4),
    ),
    "CNN": _pair(
        _TorchCNN, _jax_cnn, (1, 6, 6), ("conv", "max", "mean", "mix"),
        conv=(2, 1, 3, 3), mix=(3, 2, 2, 2), out=(3, 3),
    ),
    "attention": _pair(
        _TorchAttention, _jax_attention, (3, 4), ("q", "k", "v", "weights", "mixed", "norm"),
        q=(4, 4), k=(4, 4), v=(4, 4), out=(3, 4),
    ),
}  # fmt: skip
