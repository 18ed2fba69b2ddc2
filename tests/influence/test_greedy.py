"""The path of the largest flow, against a greedy choice on influences by brute force."""

import jax.numpy as jnp
import numpy as np
import pytest

import pathflow as pf
from tests.helpers import INTERESTS, PROGRAMS, brute_force, pattern_matches

_EXACT = 1e-10
_SOURCES = ("x", "y")
_ANY = ".*"


@pytest.fixture(scope="module", params=["diamonds", "recurrent"])
def case(request):
    program = PROGRAMS[request.param]
    args = program.args()
    graph = pf.trace(program.function(), *args)
    values = {k: np.asarray(v) for k, v in zip(_SOURCES, args, strict=False)}
    doi, points = INTERESTS["samples"].make(values, np.random.default_rng(3))
    return graph, args, doi, brute_force(program, args, points).influences


def goes_greedily(path, influences, slack):
    """Whether at every choice along a path no other way has a larger sum of influences."""
    for i in range(len(path)):
        flows = {}
        for other, value in influences.items():
            if other[:i] == path[:i] and len(other) > i:
                flows[other[i]] = flows.get(other[i], 0.0) + value
        if abs(flows[path[i]]) < max(map(abs, flows.values())) - slack:
            return False
    return True


@pytest.mark.parametrize("pattern", [None, "~(.* (c|g@1) .*)"])
def test_it_follows_the_largest_sum_at_every_node(case, pattern):
    graph, args, doi, every = case
    parsed = pf.Pattern.parse(pattern or _ANY)
    influences = {
        p: v for p, v in every.items() if pattern_matches(parsed, [graph.node(n) for n in p])
    }
    slack = _EXACT * sum(map(abs, every.values()))
    search = pf.Greedy(None if pattern is None else parsed)
    result = pf.attribute(graph, args, source=_SOURCES, doi=doi, search=search)
    (row,) = result.rows
    path = tuple(map(str, row.path))
    assert goes_greedily(path, influences, slack)
    assert abs(row.influence - influences[path]) <= slack
    assert abs(result.total - sum(influences.values())) <= slack
    known = result.certificate
    assert known.unseen_count == graph.count_paths(_SOURCES, "output", parsed) - 1
    assert known.bound == np.inf
    assert not known.exact
    assert result.audit.ok


def test_it_is_at_most_the_largest_path(case):
    graph, args, doi, _ = case
    question = {"source": _SOURCES, "doi": doi}
    best = pf.attribute(graph, args, **question, search=pf.TopK(1))
    guess = pf.attribute(graph, args, **question, search=pf.Greedy())
    assert best.certificate.exact
    assert abs(guess.rows[0].influence) <= abs(best.rows[0].influence) + _EXACT


def cancelling(x):
    """Ways through `a` carry 10 and -9.9, and together less than the one through `b`."""
    a, b = pf.tag(x, "a"), pf.tag(x, "b")
    return pf.tag(10.0 * a, "p") + pf.tag(-9.9 * a, "q") + b


def test_it_falls_short_where_branches_cancel():
    x = jnp.array(1.0)
    graph = pf.trace(cancelling, x)
    question = {"source": "x", "doi": pf.Point()}
    guess = pf.attribute(graph, (x,), **question, search=pf.Greedy())
    assert [(str(row.path), row.influence) for row in guess.rows] == [("x b output", 1.0)]
    assert guess.certificate.unseen_sum == pytest.approx(0.1)
    best = pf.attribute(graph, (x,), **question, search=pf.TopK(1))
    assert best.rows[0].influence == pytest.approx(10.0)
    through = pf.attribute(graph, (x,), **question, search=pf.Greedy("x a .*"))
    assert str(through.rows[0].path) == "x a p output"


def test_a_batch_goes_by_its_mean():
    xs = jnp.array([1.0, -3.0, 1.5])

    def model(x):
        left, right = pf.tag(jnp.maximum(x, 0.0), "left"), pf.tag(jnp.minimum(x, 0.0), "right")
        return left + right

    graph = pf.trace(model, xs[0])
    result = pf.attribute(graph, (xs,), source="x", doi=pf.Point(), in_axes=0, search=pf.Greedy())
    assert str(result.rows[0].path) == "x right output"
    assert result.influences.tolist() == [[0.0], [-3.0], [0.0]]
    assert result.certificate.unseen_sum.tolist() == [1.0, 0.0, 1.5]
    assert result.audit.ok
    first = pf.attribute(graph, (xs[0],), source="x", doi=pf.Point(), search=pf.Greedy())
    assert str(first.rows[0].path) == "x left output"


def test_the_only_path_is_found_and_proven():
    def chain(x):
        return jnp.sum(pf.tag(jnp.sin(pf.tag(x * x, "a")), "b"))

    x = jnp.array([0.3, 0.7])
    graph = pf.trace(chain, x)
    question = {"source": "x", "doi": pf.Line(jnp.zeros(2), n_steps=3)}
    result = pf.attribute(graph, (x,), **question, search=pf.Greedy())
    every = pf.attribute(graph, (x,), **question)
    assert str(result.rows[0].path) == "x a b output"
    assert result.rows[0].influence == pytest.approx(every.total)
    assert result.certificate.exact
    assert result.certificate.bound == result.certificate.unseen_count == 0


def test_where_every_path_is_zero_one_of_them_is_found():
    def zeros(x):
        return jnp.sum((pf.tag(jnp.sin(x), "a") + pf.tag(jnp.cos(x), "b")) * jnp.zeros(2))

    x = jnp.array([0.3, 0.7])
    graph = pf.trace(zeros, x)
    result = pf.attribute(graph, (x,), source="x", doi=pf.Point(), search=pf.Greedy())
    assert len(result) == 1
    assert result.rows[0].influence == result.total == 0
    assert result.certificate.exact
    assert result.certificate.bound == 0
    assert result.certificate.unseen_count == 1


def test_what_cannot_be_followed():
    x = jnp.array([0.0, 1.0])
    graph = pf.trace(cancelling, x[1])
    question = {"source": "x", "doi": pf.Point()}
    with pytest.raises(pf.NoPathError, match="no node on them has a name like `c`"):
        pf.attribute(graph, (x[1],), **question, search=pf.Greedy("x c output"))
    with pytest.raises(pf.PatternError):
        pf.attribute(graph, (x[1],), **question, search=pf.Greedy("x ("))
    graph = pf.trace(lambda x: jnp.sum(pf.tag(jnp.sqrt(x), "r")), x)
    with pytest.raises(pf.NonFiniteError, match="path is NaN or infinite"):
        pf.attribute(graph, (x,), source="x", doi=pf.Point(direction=x + 1), search=pf.Greedy())
