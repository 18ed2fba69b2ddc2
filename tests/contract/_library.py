"""Cases of what other libraries ship: layers and models as they come."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import pathflow as pf
from tests.contract._case import Case


def normal(dtype: Any, *shape: int) -> jax.Array:
    """Standard normal values, the same for every dtype."""
    return jnp.asarray(np.random.default_rng([*shape]).normal(size=shape), dtype)


def filled(shapes: Any) -> Any:
    """Parameters of those shapes: initialising them as libraries do takes longer than the checks.

    Arguments:
        shapes: a pytree; what is no `jax.ShapeDtypeStruct` in it stays.
    """
    leaves, structure = jax.tree.flatten(shapes)
    values = [_values(leaf, number) for number, leaf in enumerate(leaves)]
    return jax.tree.unflatten(structure, values)


def _values(leaf: Any, number: int) -> Any:
    if not isinstance(leaf, jax.ShapeDtypeStruct):
        return leaf
    if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        return jax.random.key(0)
    if not jnp.issubdtype(leaf.dtype, jnp.floating):
        return jnp.asarray(np.zeros(leaf.shape, leaf.dtype))
    random = np.random.default_rng([number, *leaf.shape])
    # Variances are vectors, and positive.
    values = random.normal(size=leaf.shape) if leaf.ndim > 1 else random.uniform(size=leaf.shape)
    return jnp.asarray(0.7 * values, leaf.dtype)


def weighted(out: Any) -> Any:
    """A quantity that treats no two entries alike."""
    return jnp.sum(jnp.cos(jnp.arange(1, out.size + 1, dtype=out.dtype)) * jnp.ravel(out))


def library_cases(
    library: str,
    function: Callable[[Any, jax.Array], Callable[[jax.Array], Any]],
    *rows: tuple[str, Any, tuple[int, ...], str, int, Any],
) -> list[Case]:
    """Cases of one library.

    Arguments:
        library: its name.
        function: from a model's builder and an array to the model as a function of such arrays,
            with parameters of that dtype.
        rows: each a name, the builder, the shape of the input `x`, the names of the other nodes,
            the number of paths, and the node selector.
    """

    def made(build: Any, shape: tuple[int, ...]) -> Callable[[Any], tuple[Any, tuple[Any, ...]]]:
        def make(dtype: Any) -> tuple[Any, tuple[Any, ...]]:
            x = normal(dtype, *shape)
            # Libraries are written for JAX's usual promotion of dtypes.
            with jax.numpy_dtype_promotion("standard"):
                run = function(build, x)

            def called(x: Any) -> Any:
                with jax.numpy_dtype_promotion("standard"):
                    return run(x)

            return called, (x,)

        return make

    return [
        Case(
            name=f"{library}: {name}",
            make=made(build, shape),
            names=frozenset({"x", "qoi", *names.split()}),
            source="x",
            paths=paths,
            nodes=nodes,
            qoi=weighted,
        )
        for name, build, shape, names, paths, nodes in rows
    ]


def lstm_paths(steps: int, *, last_only: bool = False) -> int:
    """Paths from all inputs of an LSTM layer to its hidden states, or to the last one.

    There are `a = 1 + h'` ways to each gate, from the word and from the hidden state before. Three
    gates and the cell before lead to the cell, and it and the output gate to the hidden state:
    `c = 3 a + c'` and `h = a + c`.
    """
    c = h = total = 0
    for _ in range(steps):
        a = 1 + h
        c = 3 * a + c
        h = a + c
        total += h
    return h if last_only else total


def gru_paths(steps: int, *, last_only: bool = False) -> int:
    """Paths from all inputs of a GRU layer to its hidden states, or to the last one.

    There are `a = 1 + h'` ways to the gates `r` and `z`; the candidate reads the word, the state
    before, and `r`: `n = 2 a`. The state reads `z`, `n` and the state before: `h = 3 a + h'`.
    """
    h = total = 0
    for _ in range(steps):
        a = 1 + h
        h = a + 2 * a + h
        total += h
    return h if last_only else total


MODULES = pf.modules()
GATES = pf.gates()
