"""What carries a value to the end, by paths, and what a GRU does when its gates are held."""

import re
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

import pathflow as pf
from examples.recall.task import LENGTH, N_VALUES, sequences
from pathflow.models import GRU, ElmanRNN

_POINTS = 20
Model = GRU | ElmanRNN


class Question(NamedTuple):
    """Sequences with one delay, each with another value that could have been marked.

    Arguments:
        inputs: the sequences.
        answers: the marked values.
        others: the other values.
        instead: the marked step with the other value in it.
        delay: how many values follow the marked one.
    """

    inputs: Float[np.ndarray, "sequences steps entries"]
    answers: Int[np.ndarray, " sequences"]
    others: Int[np.ndarray, " sequences"]
    instead: Float[np.ndarray, "sequences entries"]
    delay: int

    @property
    def at(self) -> int:
        """The step of the marked value."""
        return LENGTH - 1 - self.delay


def question(delay: int, n: int, seed: int = 5) -> Question:
    """Draws sequences with a delay."""
    rng = np.random.default_rng([seed, delay])
    drawn = sequences(n, rng, delay=delay)
    others = ((drawn.answers + rng.integers(1, N_VALUES, n)) % N_VALUES).astype(np.int32)
    instead = drawn.inputs[np.arange(n), drawn.at]
    instead[:, :N_VALUES] = np.eye(N_VALUES)[others]
    return Question(drawn.inputs, drawn.answers, others, instead, delay)


def influences(model: Model, asked: Question, search: Any) -> Any:
    """How much the answer's logit, above the other value's, owes to the marked value, by paths.

    The line leads from the same step with the other value in it, marked as well: the total is what
    the answer owes to which value was marked, and not to the mark.

    Arguments:
        model: the model.
        asked: the sequences.
        search: how the paths are gone through, of which a GRU has up to 3 * 4**19.

    Returns:
        What the search finds, with one example per sequence.
    """
    graph = pf.trace(
        model,
        jnp.asarray(asked.inputs[0]),
        qoi=pf.LogitDifference(jnp.int32(0), jnp.int32(1)),
    )
    return pf.attribute(
        graph,
        (jnp.asarray(asked.inputs),),
        source=f"x@{asked.at}",
        doi=pf.Line(jnp.asarray(asked.instead), n_steps=_POINTS),
        qoi=pf.LogitDifference(jnp.asarray(asked.answers), jnp.asarray(asked.others)),
        in_axes=0,
        search=search,
    )


def carry(asked: Question) -> str:
    """The path on which the value becomes a candidate and is then kept by the update gate alone."""
    states = [f"h0@{step}" for step in range(asked.at, LENGTH)]
    return " ".join([f"x@{asked.at}", f"n0@{asked.at}", *states, "qoi"])


class Carried(NamedTuple):
    """What the carry path carries, in the mean over the sequences.

    Arguments:
        total: the influence of all paths.
        carry: that of the carry path.
    """

    total: float
    carry: float


def carried(model: Model, asked: Question) -> Carried:
    """What the carry path and all paths carry."""
    sums = influences(model, asked, pf.Aggregate({"carry": carry(asked)}))
    return Carried(float(np.mean(sums.total)), float(np.mean(sums["carry"])))


class First(NamedTuple):
    """The first paths of all.

    Arguments:
        paths: how many there are.
        carry_is_first: whether the carry path is the first.
        other: the first path that is another one.
        influence: its influence.
        proven: whether no path outside the list can be larger.
    """

    paths: int
    carry_is_first: bool
    other: str
    influence: float
    proven: bool


def first(model: Model, asked: Question) -> First:
    """The carry path against the largest other path."""
    found = influences(model, asked, pf.TopK(2, by=pf.Largest()))
    labels = [str(row.path) for row in found.rows]
    other = next(row for row in found.rows if str(row.path) != carry(asked))
    return First(
        len(found.rows) + found.certificate.unseen_count,
        labels[0] == carry(asked),
        str(other.path),
        other.influence,
        bool(found.certificate.exact),
    )


def kept(model: Model, asked: Question) -> Float[np.ndarray, " steps"]:
    """The share of all influence that goes from each state to the next directly, not by way of a
    gate or a candidate.
    """
    flows = influences(model, asked, pf.Conductance())
    total = np.mean(flows.total)
    steps = range(asked.at, LENGTH - 1)
    return np.array([np.mean(flows.along(f"h0@{s}", f"h0@{s + 1}")) / total for s in steps])


def staying(model: Model, asked: Question, step: int) -> float:
    """The share of all influence that is in the same unit of the state at a step and the next."""
    parts = influences(model, asked, pf.Refine(".*", at=[f"h0@{step}", f"h0@{step + 1}"]))
    units = [re.findall(r"\[(\d+)\]", label) for label in parts.labels]
    stays = [before == after for before, after in units]
    by_part = np.asarray(parts.influences).mean(axis=0)
    return float(by_part[stays].sum() / by_part.sum())


def answered(model: GRU, asked: Question) -> dict[str, float]:
    """The part of the sequences that is answered right when gates hold something else after the
    marked value was read: with `z = 1` no candidate enters the state any more, with `z = 0` the
    candidate is the state.
    """
    graph = pf.trace(model, jnp.asarray(asked.inputs[0]))
    after = f"@{asked.at + 1}:"
    held: dict[str, dict[str, Any]] = {
        "as it is": {},
        "z = 1, state kept": {f"z0{after}": pf.Fix(1.0)},
        "z = 0, nothing kept": {f"z0{after}": pf.Zero()},
        "z at its mean": {f"z0{after}": pf.Mean()},
        "r at its mean": {f"r0{after}": pf.Mean()},
    }
    inputs = (jnp.asarray(asked.inputs),)
    return {
        name: _right(pf.do(graph, inputs, interventions, in_axes=0), asked.answers)
        for name, interventions in held.items()
    }


def swapped_along(model: GRU, asked: Question) -> tuple[float, float]:
    """The part of the sequences whose answer is the other value where only the carry path sees
    that, and where all paths but it do.
    """
    graph = pf.trace(model, jnp.asarray(asked.inputs[0]))
    other = {f"x@{asked.at}": jnp.asarray(asked.instead)}
    path = carry(asked).replace("qoi", "output")
    inputs = (jnp.asarray(asked.inputs),)
    alone = pf.do(graph, inputs, other, in_axes=0, along=path)
    rest = pf.do(graph, inputs, other, in_axes=0, sparing=path)
    return _right(alone, asked.others), _right(rest, asked.others)


def _right(logits: Any, wanted: Int[np.ndarray, " sequences"]) -> float:
    return float(np.mean(np.asarray(logits).argmax(axis=-1) == wanted))
