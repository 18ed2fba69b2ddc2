"""Registries that tests take cross products of: programs written out by hand, and distributions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import pathflow as pf
from tests.helpers._brute import Points
from tests.helpers._ops import smooth
from tests.helpers._programs import Block, Branch, Call, Program, Pure, Scan, Step, Tag

_INPUTS = (("x", (3,)), ("y", (2,)))
_PARAMS = (("w", (3, 3)),)
_SUM = Pure("sum", lambda *v: sum(jnp.sum(jnp.sin(u)) for u in v))


def _program(result: int, *steps: Step) -> Program:
    """A program of the values w, x, y (positions 0, 1, 2) and those of its steps."""
    return Program(_INPUTS, _PARAMS, Block(steps, (result,)), seed=7)


def _mix(width: int, seed: int, *args: int) -> Step:
    return Step(Pure(f"smooth({width}, {seed})", smooth(width, seed)), args)


def _tag(name: str, arg: int) -> Step:
    return Step(Tag(name), (arg,))


def _diamonds() -> Program:
    """Feed-forward: two ways through each of two layers, and a shortcut."""
    return _program(
        11,
        _mix(4, 0, 1, 2), _tag("a", 3),
        _mix(3, 1, 1), _tag("b", 5),
        _mix(2, 2, 4, 6), _tag("c", 7),
        _mix(4, 3, 4, 2), _tag("d", 9),
        Step(_SUM, (8, 10, 1)),
    )  # fmt: skip


def _recurrent() -> Program:
    """A gated loop over three words, of which the last input is the first state."""
    # In the body: w x y words | h, word | candidate, gate, …
    body = Block(
        (
            _mix(3, 4, 4, 5), _tag("g", 6),
            _mix(3, 5, 5, 4), _tag("k", 8),
            Step(Pure("gate", lambda h, g, k: jnp.tanh(k) * g + 0.5 * h), (4, 7, 9)), _tag("h", 10),
        ),
        (11, 11),
    )  # fmt: skip
    words = Pure("words", lambda w, y: w * jnp.sum(y))
    return _program(
        8,
        Step(words, (0, 2)), Step(Scan(1, 3, False, body), (1, 3)),
        Step(Pure("last two", lambda h: (h[1], h[2]), moves=True), (5,)), Step(_SUM, (6, 7)),
    )  # fmt: skip


def _branching() -> Program:
    """A branch around tags, behind `jit`, after a shared value."""
    decide = Pure("x[0] > -9", lambda v: (v[0] > -9).astype(jnp.int32))
    inner = Block((_mix(3, 6, 4), _tag("p", 5), _mix(3, 7, 6, 4)), (7,))
    branch = Step(Branch(decide, (Block((), (4,)), inner)), (1,))
    call = Block((branch,), (5,))
    return _program(
        7,
        _mix(3, 8, 1, 2), _tag("a", 3),
        Step(Call("jit", call), ()), _tag("q", 5),
        Step(_SUM, (6, 4)),
    )  # fmt: skip


PROGRAMS: dict[str, Program] = {
    "diamonds": _diamonds(),
    "recurrent": _recurrent(),
    "branching": _branching(),
}

# Sources of those programs: one input, both, and a node on the way together with an input.
SOURCES: dict[str, tuple[str, ...]] = {"one": ("x",), "both": ("x", "y")}


@dataclass(frozen=True)
class Interest:
    """A distribution of interest and the same distribution written out.

    Arguments:
        make: `(values of the sources, random) -> (distribution, points)`, with the sources'
            arrays in order; one source gives and takes arrays, several give and take tuples.
    """

    make: Callable[[dict[str, np.ndarray], np.random.Generator], tuple[Any, Points]]


def _each(values: Sequence[np.ndarray]) -> Any:
    arrays = tuple(map(jnp.asarray, values))
    return arrays if len(arrays) > 1 else arrays[0]


def _line(rule: Any, fractions: Sequence[float], weights: Sequence[float]) -> Interest:
    def make(values: dict[str, np.ndarray], random: np.random.Generator) -> tuple[Any, Points]:
        starts = {k: random.normal(size=v.shape) for k, v in values.items()}
        a = np.asarray(fractions)[:, None]
        points = {k: starts[k] + a * (v - starts[k]) for k, v in values.items()}
        direction = {k: v - starts[k] for k, v in values.items()}
        doi = pf.Line(_each([*starts.values()]), n_steps=4, rule=rule)
        return doi, Points(points, np.asarray(weights), direction)

    return Interest(make)


def _point(values: dict[str, np.ndarray], random: np.random.Generator) -> tuple[Any, Points]:
    return pf.Point(), Points({k: v[None] for k, v in values.items()}, np.ones(1), values)


def _directed(values: dict[str, np.ndarray], random: np.random.Generator) -> tuple[Any, Points]:
    direction = {k: random.normal(size=v.shape) for k, v in values.items()}
    points = Points({k: v[None] for k, v in values.items()}, np.ones(1), direction)
    return pf.Point(direction=_each([*direction.values()])), points


def _samples(values: dict[str, np.ndarray], random: np.random.Generator) -> tuple[Any, Points]:
    points = {k: random.normal(size=(3, *v.shape)) for k, v in values.items()}
    weights = np.array([0.5, 0.3, 0.2])
    doi = pf.Samples(_each([*points.values()]), weights=jnp.asarray(weights))
    return doi, Points(points, weights, values)


def _gaussian(values: dict[str, np.ndarray], random: np.random.Generator) -> tuple[Any, Points]:
    """The noise is what the key gives, so the points are asked for; their weights are known."""
    std = 0.3 if len(values) == 1 else (0.3, 0.2)
    doi = pf.Gaussian(std, 3, jax.random.key(5))
    made = doi.points(tuple(map(jnp.asarray, values.values()))).values
    points = {k: np.asarray(p) for k, p in zip(values, made, strict=True)}
    assert all(
        p.shape == (3, *v.shape) for p, v in zip(points.values(), values.values(), strict=True)
    )
    return doi, Points(points, np.full(3, 1 / 3), values)


_GAUSS, _GAUSS_WEIGHTS = np.polynomial.legendre.leggauss(4)

INTERESTS: dict[str, Interest] = {
    "right Riemann": _line(pf.RightRiemann(), [0.25, 0.5, 0.75, 1.0], [0.25] * 4),
    "midpoint": _line(pf.Midpoint(), [0.125, 0.375, 0.625, 0.875], [0.25] * 4),
    "trapezoid": _line(pf.Trapezoid(), [0, 1 / 3, 2 / 3, 1], [1 / 6, 1 / 3, 1 / 3, 1 / 6]),
    "Gauss-Legendre": _line(pf.GaussLegendre(), (1 + _GAUSS) / 2, _GAUSS_WEIGHTS / 2),
    "point": Interest(_point),
    "point along a direction": Interest(_directed),
    "samples": Interest(_samples),
    "Gaussian": Interest(_gaussian),
}
