"""Following many paths at once, and numbering paths: against brute force and ranks."""

from collections import defaultdict
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given

import pathflow as pf
from pathflow.graph import automaton_of, make_trellis
from pathflow.influence.branching._numbering import Numbering
from pathflow.influence.branching._prospect import prospect
from pathflow.influence.branching._suffixes import AllSuffixes
from pathflow.influence.question._problem import make_problem
from pathflow.influence.sampling._walk import Walk
from tests.helpers import INTERESTS, OUTPUT, PROGRAMS, BruteParts, pattern_matches, patterns

_EXACT = 1e-10
# Bounds add what rounding may hide, a root of 1e-12 of the squares.
_BOUND = 1e-5
_SOURCES = ("x", "y")


@pytest.fixture(scope="module", params=["diamonds", "recurrent"])
def case(request):
    """What a search starts from, and the influence of every path at every point."""
    program = PROGRAMS[request.param]
    args = program.args()
    graph = pf.trace(program.function(), *args)
    values = {k: np.asarray(v) for k, v in zip(_SOURCES, args, strict=False)}
    doi, points = INTERESTS["samples"].make(values, np.random.default_rng(3))
    found = prospect(make_problem(graph, args, _SOURCES, None, doi, None, None), None)
    jacobians = BruteParts(program, args, points)._jacobians
    return found, {p: at_points(p, jacobians, points) for p in graph.paths(_SOURCES, OUTPUT)}


def at_points(path, jacobians, points):
    """A path's influence at every point, with the weights."""
    found = []
    for weight, at in zip(points.weights, jacobians, strict=True):
        tangent = np.asarray(points.direction[str(path[0])]).ravel()
        for u, v in pairwise(map(str, path)):
            tangent = at[u, v] @ tangent
        found.append(weight * tangent.sum())
    return np.array(found)


def steps_of(walk, paths):
    steps = {p: walk.steps_along(p) for p in paths}
    return {p: s for p, s in steps.items() if s is not None}


def test_paths_that_are_followed_have_their_influences(case):
    found, influences = case
    walk = Walk(found.landscape, 2**29)
    steps = steps_of(walk, influences)
    expected = {p: x.sum() for p, x in influences.items()}
    scale = sum(map(abs, expected.values()))
    assert all(abs(x) <= _EXACT * scale for p, x in expected.items() if p not in steps)
    chosen = [p for p in steps for _ in range(2)][::-1]
    walked = walk.run([steps[p] for p in chosen])
    assert walked.steps == [steps[p] for p in chosen]
    assert [walk.path_along(s) for s in walked.steps] == chosen
    wrong = np.abs(walked.influences[:, 0] - [expected[p] for p in chosen])
    assert wrong.max() <= _EXACT * scale
    assert not walked.log_probability.any()
    assert walk.run([]).influences.shape == (0, 1)


def test_little_memory_only_cuts_walkers_into_parts(case):
    found, influences = case
    walk = Walk(found.landscape, 2**29)
    steps = list(steps_of(walk, influences).values())
    fractions = []
    small = Walk(found.landscape, 1).run(steps, fractions.append)
    assert np.allclose(small.influences, walk.run(steps).influences, rtol=0, atol=1e-14)
    assert fractions == [(i + 1) / len(steps) for i in range(len(steps))]


def probabilities(influences):
    """Of every path, with each node chosen in proportion to the bound of what begins so."""
    squares = defaultdict(float)
    following = defaultdict(set)
    for path, at_points in influences.items():
        for i in range(len(path) + 1):
            # The points' weights are in the influences already.
            squares[path[:i]] = squares[path[:i]] + at_points**2
            if i < len(path):
                following[path[:i]].add(path[: i + 1])
    bounds = {beginning: np.sqrt(square).sum() for beginning, square in squares.items()}
    found = {}
    for path in influences:
        chances = [
            bounds[path[: i + 1]] / max(sum(bounds[b] for b in following[path[:i]]), 1e-300)
            for i in range(len(path))
        ]
        found[path] = np.prod(chances)
    return found


def test_the_probability_of_a_path_is_the_product_of_its_choices(case):
    found, influences = case
    land = found.landscape
    walk = Walk(land, 2**29, AllSuffixes(land, 2**29), np.random.default_rng(0))
    steps = steps_of(walk, influences)
    walked = walk.run(list(steps.values()))
    drawn = np.exp(walked.log_probability)
    expected = probabilities(influences)
    assert np.abs(drawn - [expected[p] for p in steps]).max() <= _BOUND
    assert abs(drawn.sum() - 1) <= 1e-12
    # A uniform sample of all paths, weighed by them, is one of all paths in the mean.
    assert abs(sum(expected.values()) - 1) <= 1e-12


def test_free_walkers_go_as_often_as_their_probability_says(case):
    found, influences = case
    land, n = found.landscape, 2000
    walk = Walk(land, 2**29, AllSuffixes(land, 2**29), np.random.default_rng(1))
    walked = walk.run([None] * n)
    expected = probabilities(influences)
    paths = [walk.path_along(s) for s in walked.steps]
    odds = np.array([expected[p] for p in paths])
    assert np.allclose(np.exp(walked.log_probability), odds, atol=_BOUND)
    values = np.array([influences[p].sum() for p in paths])
    assert np.allclose(walked.influences[:, 0], values, atol=_EXACT)
    for path, p in expected.items():
        count = sum(q == path for q in paths)
        assert abs(count - n * p) <= 5 * np.sqrt(n * p * (1 - p)) + 1


_LABELS = ("x", "y", "a@0", "b@0", "a@1", "b@1", "c@1", "output")
_EDGES = (
    "x a@0,x b@0,x c@1,y b@0,a@0 a@1,a@0 b@1,b@0 a@1,b@0 b@1,a@1 c@1,b@1 c@1,a@1 output,c@1 output"
)


@given(patterns(_LABELS))
def test_numbers_are_ranks_among_the_paths_of_a_pattern(pattern):
    nodes = {label: pf.Node.parse(label) for label in _LABELS}
    edges = [tuple(nodes[label] for label in edge.split()) for edge in _EDGES.split(",")]
    space = pf.Graph(nodes.values(), edges).paths(("x", "y"), "output")
    trellis = make_trellis(space, automaton_of(pf.Patterns({"a": pattern}), space.nodes), bool)
    numbering = Numbering(trellis)
    among = [i for i, p in enumerate(space) if pattern_matches(pattern, p)]
    assert trellis.count == len(among)
    paths = [numbering.path(i) for i in range(trellis.count)]
    assert sorted(map(space.rank, paths)) == among
    assert [numbering.number(p) for p in paths] == list(range(trellis.count))
    others = [p for i, p in enumerate(space) if i not in among]
    assert all(numbering.number(p) is None for p in others)
    if not others:
        assert [space.rank(p) for p in paths] == among


def test_numbers_beyond_floating_point():
    layers = [(pf.Node("a", (i,)), pf.Node("b", (i,))) for i in range(1400)]
    layers = [(pf.Node("start"),), *layers, (pf.Node("end"),)]
    edges = [(u, v) for one, two in pairwise(layers) for u in one for v in two]
    space = pf.Graph([n for layer in layers for n in layer], edges).paths("start", "end")
    assert space.count == 2**1400 > 10**400
    every = pf.Patterns({"a": pf.Step.any().repeat(0)})
    numbering = Numbering(make_trellis(space, automaton_of(every, space.nodes), bool))
    for number in (0, 1, 2**1399 + 7, 2**1400 // 3, 2**1400 - 1):
        path = numbering.path(number)
        assert numbering.number(path) == number == space.rank(path)
