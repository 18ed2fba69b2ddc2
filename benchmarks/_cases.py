"""The methods that are timed, and the check that they agree."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

import pathflow as pf
from benchmarks._baselines import (
    Chain,
    DepthFirst,
    Found,
    Guided,
    Meet,
    Through,
    captum_layers,
    captum_total,
)
from benchmarks._gates import TARGET, gate_graph
from benchmarks._lstm import Line, TorchLSTM, copied, midpoints
from benchmarks._pathflow import Problem, Sentence
from benchmarks._setting import Setting

# Up to this many paths are compared one by one; of more, so many of the largest and at random.
_ALL, _SAMPLE = 10_000, 2_000
# Longer sentences take a depth-first search minutes.
_DEPTH_FIRST_STEPS = 5


@dataclass(frozen=True)
class Input:
    """A sentence, and its points in PyTorch."""

    sentence: Sentence
    line: Line


@dataclass(frozen=True)
class Case:
    """A method.

    Arguments:
        key: short name.
        method: what it is.
        paths: how many paths it accounts for.
        run: the work that is timed, on what `prepare` returned.
        found: the influences with their paths, the sums through nodes, or the whole sum alone.
        prepare: what comes before the clock starts.
        rounds: in how many rounds it takes part at most.
        factor: what its seconds are multiplied by.
        note: what else a reader has to know.
    """

    key: str
    method: str
    paths: int
    run: Callable[[Any], object]
    found: Callable[[Input], Found | Through | float]
    prepare: Callable[[Input], Any] = lambda given: given
    rounds: int = 1_000
    factor: float = 1.0
    note: str = ""


def make_input(problem: Problem, number: int) -> Input:
    """One of many random inputs."""
    sentence = problem.sentence(number)
    return Input(sentence, midpoints(sentence, problem.setting.points))


def midpoint(problem: Problem, sentence: Sentence) -> pf.Attribution:
    """All influences at all points: what every method is compared with."""
    return problem.influences(sentence, pf.Midpoint())


def gauss(problem: Problem, sentence: Sentence) -> pf.Attribution:
    """All influences at the few nodes that stand for all points."""
    return problem.influences(sentence, pf.DiscreteGauss(problem.setting.nodes, of=pf.Midpoint()))


def cases(problem: Problem, memory: int) -> Iterator[Case]:
    """All methods that fit, pathflow's two first.

    Arguments:
        problem: the model.
        memory: bytes; a PyTorch meet in the middle that holds more is left out.
    """
    setting = problem.setting
    count = problem.traced.count_paths("x@0", "qoi")
    names = {
        "pathflow": (f"pathflow Enumerate, {setting.points} points", midpoint),
        "pathflow_gauss": (f"pathflow Enumerate, {setting.nodes} nodes", gauss),
    }
    for key, (name, run) in names.items():
        yield Case(
            key,
            name,
            count,
            lambda x, run=run: run(problem, x.sentence),
            lambda x, run=run: _found(run(problem, x.sentence)),
            note="later calls at new inputs; the audit is part of it",
        )
    yield from _searches(problem, count)
    model = copied(problem.model, problem.good, problem.bad)
    yield from _paths_in_torch(setting, model, memory)
    yield Case(
        "captum",
        "(c) captum, the total alone",
        count,
        lambda x: captum_total(model, x.sentence, setting.points),
        lambda x: captum_total(model, x.sentence, setting.points),
        note="no path by itself; decoder of two words, all points in one batch",
    )
    # PyTorch takes no derivative with respect to what nothing reads.
    gates = gate_graph(setting.steps, setting.layers, live=True)
    nodes = [n for n in gates.nodes[1:] if n != TARGET]
    yield Case(
        "captum_layers",
        "(f) captum, the conductance of each node",
        count,
        lambda x: captum_layers(model, nodes, x.sentence, setting.points),
        lambda x: Through(captum_layers(model, nodes, x.sentence, setting.points)),
        rounds=3,
        note=f"{len(nodes)} nodes, one call each; differences of values, no derivatives, at nodes",
    )
    guided = Guided(model, gates)
    yield Case(
        "guided",
        "(g) guided refinement",
        1,
        lambda x: guided(x.line),
        lambda x: guided.found(x.line),
    )


def _searches(problem: Problem, count: int) -> Iterator[Case]:
    """What pathflow answers without listing paths."""

    def asked(search: pf.AbstractSearch) -> Callable[[Input], Any]:
        return lambda x: pf.attribute(**problem.asked(x.sentence, pf.Midpoint()), search=search)

    total, flows, greedy, largest = map(
        asked, (pf.Aggregate({"all": ".*"}), pf.Conductance(), pf.Greedy(), pf.TopK(1))
    )
    name = "pathflow Aggregate, the total alone"
    yield Case("pathflow_total", name, count, total, lambda x: float(total(x).total))
    name = "pathflow Conductance, every node and edge"
    yield Case("pathflow_flows", name, count, flows, lambda x: _through(flows(x)))
    for key, name, run in (("greedy", "Greedy, one path", greedy), ("top", "TopK(1)", largest)):
        yield Case(f"pathflow_{key}", f"pathflow {name}", 1, run, lambda x, run=run: _first(run(x)))


def _paths_in_torch(setting: Setting, model: TorchLSTM, memory: int) -> Iterator[Case]:
    everything = gate_graph(setting.steps, setting.layers, live=False)
    chain = Chain(model, everything, setting.sample, setting.seed)
    yield Case(
        "chain",
        "(a) a chain of vjps per path",
        everything.count,
        lambda x: chain(*x),
        lambda x: chain.found(x.line),
        prepare=lambda x: (x.line, chain.values(x.line)),
        rounds=3,
        factor=everything.count / len(chain.paths),
        note=f"extrapolated from {len(chain.paths)} random paths; without the forward pass",
    )
    for suffix, text, live in (("", "", False), ("_live", ", zero partials left out", True)):
        gates = gate_graph(setting.steps, setting.layers, live=live)
        if setting.steps <= _DEPTH_FIRST_STEPS:
            search = DepthFirst(model, gates)
            yield Case(
                f"depth_first{suffix}",
                f"(b) depth-first{text}",
                gates.count,
                lambda x, search=search: search(x.line),
                lambda x, search=search: search.found(x.line),
                rounds=3,
            )
        meet = Meet(model, gates, setting.points)
        held = meet.plan.vectors * setting.points * setting.units * 4
        if held <= memory:
            yield Case(
                f"meet{suffix}",
                f"(e) meet in the middle{text}",
                gates.count,
                lambda x, meet=meet: meet(x.line),
                lambda x, meet=meet: meet.found(x.line),
                note=f"holds {held / 1e6:,.0f} MB of vectors",
            )


def _found(result: pf.Attribution) -> Found:
    space = result.space
    return Found(result.influences, lambda n: tuple(map(str, space.unrank(n))))


def _through(result: pf.Conductances | pf.Attribution) -> Through:
    nodes = pf.node_influences(result)
    return Through({str(node): float(value) for node, value in nodes.items()})


def _first(result: pf.Ranked) -> Found:
    row = result.rows[0]
    path = tuple(map(str, row.path))
    return Found(np.array([row.influence]), lambda _: path, whole=False)


def disagreement(
    found: Found | Through | float, reference: pf.Attribution, seed: int
) -> tuple[float | None, float | None]:
    """How far a method is from pathflow, path by path and in the sum.

    Returns:
        The largest difference of a path as a fraction of the largest influence among those that
        are compared (all, or where there are very many the largest and a random sample), or of a
        sum through a node, which is compared with the paths that lead there; and the
        difference of the sums as a fraction of the sum of absolute influences. Either is None where
        the method does not give it.
    """
    scale = np.abs(reference.influences)
    if isinstance(found, float):
        return None, float(abs(found - reference.total) / scale.sum(dtype=np.float64))
    if isinstance(found, Through):
        exact = _through(reference).influences
        gaps = [abs(value - exact[node]) for node, value in found.influences.items()]
        return max(gaps) / max(map(abs, exact.values())), None
    values, count = found.influences, len(found.influences)
    numbers = np.arange(count)
    if count > _ALL:
        # The largest too: random paths are nearly all small, and say little about the others.
        drawn = np.random.default_rng(seed).choice(count, _SAMPLE, replace=False)
        numbers = np.union1d(drawn, np.argpartition(-np.abs(values), _SAMPLE)[:_SAMPLE])
    paths = [found.path(int(n)) for n in numbers]
    if len(set(paths)) != len(paths):
        raise RuntimeError("a path is there twice")
    expected = np.array([reference[path] for path in paths])
    error = np.abs(values[numbers] - expected).max() / np.abs(expected).max()
    if not found.whole:
        return float(error), None
    gap = abs(values.sum(dtype=np.float64) - reference.total)
    return float(error), float(gap / scale.sum(dtype=np.float64))
