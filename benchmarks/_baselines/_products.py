"""The matrix products of a meeting in the middle and nothing else: the floor under its time.

Each product is timed by itself at the sizes that occur, in PyTorch and in XLA. Their sum is the
number of operations divided by the rate that either library reaches at just these sizes.
"""

from collections import Counter
from collections.abc import Callable
from time import perf_counter

import jax
import jax.numpy as jnp
import torch

from benchmarks._plan import Product

# A product is repeated until it has taken this long, so that the clock does not matter.
_SECONDS = 0.002


class Products:
    """Seconds of all products in both libraries.

    Arguments:
        products: sizes, and how many of each there are.
    """

    def __init__(self, products: Counter[Product]) -> None:
        self.products = products
        self._matmul = jax.jit(lambda a, b: a @ b.T)
        self._warm = False

    def __call__(self) -> tuple[dict[Product, float], dict[Product, float]]:
        """Seconds of one product of each size, in PyTorch and in XLA."""
        in_torch, in_xla = {}, {}
        for size in self.products:
            in_torch[size], in_xla[size] = self._seconds(size)
        self._warm = True
        return in_torch, in_xla

    @torch.no_grad()
    def _seconds(self, size: Product) -> tuple[float, float]:
        m, k, n = size
        left, right = torch.rand(m, k), torch.rand(n, k)
        out = torch.empty(m, n)
        a, b = jnp.asarray(left.numpy()), jnp.asarray(right.numpy())
        if not self._warm:
            self._matmul(a, b).block_until_ready()
        return (
            _each(lambda: torch.mm(left, right.T, out=out)),
            _each(lambda: self._matmul(a, b).block_until_ready()),
        )


def _each(run: Callable[[], object]) -> float:
    times, start = 0, perf_counter()
    while (taken := perf_counter() - start) < _SECONDS or not times:
        run()
        times += 1
    return taken / times
