"""Primary neurons: which units of the second layer's cell carry the primary path.

From one step to the next the cell is multiplied entry by entry, so the primary path is a sum of one
path per unit (section 4.2, "Primary Neurons"). The units are found on one half of the sentences and
measured on the other; what they do is checked by holding them, without any derivative.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np

import pathflow as pf
from examples.lstm_agreement.sentences.tasks import Sentence, by_condition
from examples.lstm_agreement.tables.blocks import Block, Kept, collected
from examples.lstm_agreement.tables.bootstrap import interval_over
from examples.lstm_agreement.tables.held import grouped, margins_of
from examples.lstm_agreement.tables.measure import Role, Settings, influence_blocks
from examples.lstm_agreement.tables.table1 import Condition
from pathflow import metrics
from pathflow.models import LSTMLanguageModel, Vocabulary

# How many primary neurons the paper finds.
N_UNITS = 2
DRAWS = 10


@dataclass(frozen=True)
class Neuron:
    """Numbers of one unit in one condition.

    Arguments:
        role: which noun the path starts from.
        task: name of the task.
        condition: the nouns' numbers.
        unit: number of the unit in the second layer, from 0.
        n_sentences: how many sentences.
        t: probability to exceed another unit, drawn uniformly; the found ones are not drawn.
        influence: mean influence, in logits.
        share: expected fraction of the sum of absolute influences of all units.
        structural: worst structural residual of the condition: the units against the path.
    """

    role: Role
    task: str
    condition: str
    unit: int
    n_sentences: int
    t: metrics.Interval
    influence: metrics.Interval
    share: metrics.Interval
    structural: float


@dataclass(frozen=True)
class Ablated:
    """Accuracy in one condition with units of the second layer held at zero from the subject on.

    Arguments:
        task: name of the task.
        condition: the nouns' numbers.
        units: what is held; "none", units, or as many units drawn at random.
        accuracy: fraction of sentences in which the agreeing verb has the higher score.
        margin: mean score of the agreeing verb above the other.
    """

    task: str
    condition: str
    units: str
    accuracy: metrics.Interval
    margin: metrics.Interval


def unit_influences(
    model: LSTMLanguageModel,
    vocabulary: Vocabulary,
    condition: Condition,
    settings: Settings,
    *,
    kept: Kept | None = None,
    advance: Callable[[int], None] = lambda _n: None,
) -> tuple[np.ndarray, float]:
    """The influence along the primary path through each unit, (sentences, units), and the worst
    structural residual.

    Arguments:
        model: the language model.
        vocabulary: its words.
        condition: the sentences, and the noun.
        settings: the quadrature.
        kept: where, and under which key, they are kept block by block.
        advance: called with the number of sentences done since the last call.
    """
    first = condition.role.noun(condition.sentences[0]).position

    def blocks(skip: Callable[[range], bool]) -> Iterator[Block]:
        search = pf.Refine(condition.primary_path, at="c1")
        for places, result in influence_blocks(
            model,
            vocabulary,
            condition.sentences,
            condition.role,
            settings,
            search=search,
            skip=skip,
        ):
            n = len(places)
            residual = np.asarray(result.audit.structural, np.float64)[:n]
            yield Block(places, result.by_part(f"c1@{first}")[:n], {"structural": residual})

    shape = len(condition.sentences), model.hidden_dim
    found = collected(kept, shape, blocks, dtype=np.float64, advance=advance)
    return np.asarray(found.values), float(np.max(found.facts["structural"]))


def find_units(influences: Sequence[np.ndarray], n: int = N_UNITS) -> tuple[int, ...]:
    """The units that carry most of the subject's primary path, the first one first.

    Arguments:
        influences: per condition, (sentences, units).
        n: how many units.

    Returns:
        By the mean over conditions of a unit's influence as a fraction of the sum of absolute
        influences: of the same sign everywhere, and large.
    """
    shares = []
    for of_units in influences:
        size = np.abs(of_units).sum(axis=1, keepdims=True)
        # Where every unit is saturated, none has a share.
        shares.append(np.mean(np.divide(of_units, size, where=size > 0, out=0 * of_units), axis=0))
    return tuple(int(u) for u in np.argsort(-np.mean(shares, axis=0))[:n])


def measure(
    condition: Condition, influences: np.ndarray, structural: float, units: Sequence[int]
) -> tuple[Neuron, ...]:
    """The numbers of found units in one condition, as the paper compares them.

    Arguments:
        condition: what was asked.
        influences: (sentences, units).
        structural: the worst structural residual.
        units: the found units; none is compared with another of them.
    """
    first = condition.sentences[0]
    absolute = np.abs(influences)
    others = np.delete(influences, units, axis=1)
    return tuple(
        Neuron(
            condition.role,
            first.task,
            first.condition,
            unit,
            len(influences),
            metrics.bootstrap_interval(
                metrics.t_values(np.column_stack([influences[:, unit], others]), 0)
            ),
            metrics.bootstrap_interval(influences[:, unit]),
            metrics.bootstrap_interval(metrics.positive_shares(absolute, unit)),
            structural,
        )
        for unit in units
    )


def compute(
    model: LSTMLanguageModel,
    vocabulary: Vocabulary,
    asked: Sequence[Condition],
    settings: Settings,
    *,
    kept: Callable[[Condition], Kept] | None = None,
    advance: Callable[[str, int], None] = lambda _what, _n: None,
) -> tuple[tuple[int, ...], tuple[Neuron, ...]]:
    """Finds the primary neurons, and measures them on other sentences.

    Arguments:
        model: the language model.
        vocabulary: its words.
        asked: the conditions; sentences 1, 3, 5, ... of the subject's serve to find the units, and
            2, 4, 6, ... of all to measure them; a single sentence serves for both.
        settings: the quadrature.
        kept: where, and under which key, the influences of a condition are kept block by block.
        advance: called with what is done and the number of sentences done since the last call.

    Returns:
        The units, and their numbers in every condition.
    """
    found = {}
    for condition in asked:
        done = f"{condition.name}, units"
        found[condition] = unit_influences(
            model,
            vocabulary,
            condition,
            settings,
            kept=None if kept is None else kept(condition),
            advance=lambda n, done=done: advance(done, n),
        )
    units = find_units([i[::2] for c, (i, _) in found.items() if c.role is Role.SUBJECT])
    return units, tuple(
        neuron
        for condition, (influences, structural) in found.items()
        for neuron in measure(condition, _second_half(influences), structural, units)
    )


def _second_half(influences: np.ndarray) -> np.ndarray:
    return influences[1::2] if len(influences) > 1 else influences


def ablate(
    model: LSTMLanguageModel,
    vocabulary: Vocabulary,
    sentences: Sequence[Sentence],
    units: Sequence[int],
    *,
    seed: int = 0,
    kept: Kept | None = None,
    advance: Callable[[int], None] = lambda _n: None,
) -> tuple[Ablated, ...]:
    """Accuracy without units, one by one and together, and without random ones.

    A held unit's cell is zero from the subject on, and with it what the unit puts out.

    Arguments:
        model: the language model.
        vocabulary: its words.
        sentences: of one task.
        units: the found units.
        seed: draws as many other units, some times, where the model has any.
        kept: where, and under which key, the score differences are kept block by block.
        advance: called with the number of sentences done since the last call.

    Source: single-unit ablation, Lakretz et al. 2019, section 4.
    """
    first = sentences[0]
    where = f"c1@{first.subject.position}:"

    def without(held: Sequence[int]) -> dict[str, pf.AbstractIntervention]:
        kept_units = jnp.ones(model.hidden_dim, model.embedding[...].dtype)
        kept_units = kept_units.at[jnp.asarray(held, int)].set(0)
        return {where: pf.Apply(lambda cell: cell * kept_units)}

    rng = np.random.default_rng(seed)
    others = np.setdiff1d(np.arange(model.hidden_dim), units)
    ways: dict[str, list[Sequence[int]]] = {"none": [()]}
    ways |= {str(u): [(u,)] for u in units}
    ways[" and ".join(map(str, units))] = [units]
    size = min(len(units), len(others))
    if size:
        ways[f"{size} others"] = [rng.choice(others, size, replace=False) for _ in range(DRAWS)]
    found = margins_of(
        model,
        vocabulary,
        sentences,
        [without(held) for draws in ways.values() for held in draws],
        kept=kept,
        advance=advance,
    )
    margins = grouped(found, {name: len(draws) for name, draws in ways.items()})
    return tuple(
        Ablated(
            first.task,
            condition,
            name,
            interval_over(draws[:, of_condition] > 0),
            interval_over(draws[:, of_condition]),
        )
        for condition, of_condition in by_condition(sentences)
        for name, draws in margins.items()
    )
