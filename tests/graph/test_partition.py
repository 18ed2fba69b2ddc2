import pytest
from hypothesis import given
from hypothesis import strategies as st

import pathflow as pf
from pathflow.graph import as_partition, automaton_of, make_trellis
from tests.helpers import patterns, steps

from .strategies import looped, spaces

LABELS = [str(looped(i)) for i in range(8)]


def classes_of(partition, space) -> dict[str | None, int]:
    """The number of paths in each class that holds one, read path by path."""
    automaton = automaton_of(partition, space.nodes)
    counts = {}
    for path in space:
        state = automaton.start
        for node in path:
            state = automaton.next(state, node)
        for name in automaton.classes[state] or (None,):
            counts[name] = counts.get(name, 0) + 1
    everything = make_trellis(space, automaton).counts
    assert {name: n for name, n in everything.items() if n} == counts
    assert [*everything] == [*partition.names, None]
    return counts


def tally(names) -> dict[str | None, int]:
    names = list(names)
    return {name: names.count(name) for name in set(names)}


def capped(number: int, most: int) -> str:
    return str(number) if number < most else f"{most}+"


@given(spaces(node=looped), steps(LABELS), st.integers(1, 4))
def test_count_steps(case, step, most):
    _, space = case
    expected = tally(capped(sum(map(step.matches, p)), most) for p in space)
    assert classes_of(pf.CountSteps(step, most), space) == expected


@given(spaces(node=looped), st.integers(1, 5))
def test_path_length(case, most):
    _, space = case
    expected = tally(capped(len(p) - 1, most) for p in space)
    assert classes_of(pf.PathLength(most), space) == expected


@given(spaces(node=looped), st.lists(steps(LABELS), min_size=1, max_size=4))
def test_first_of(case, several):
    _, space = case
    choices = {f"class {i}": step for i, step in enumerate(several)}
    met = ([[n for n, s in choices.items() if s.matches(node)] for node in p] for p in space)
    expected = tally(next((names[0] for names in p if names), None) for p in met)
    assert classes_of(pf.FirstOf(choices), space) == expected


@given(spaces(node=looped), patterns(LABELS))
def test_a_pattern_and_its_complement_share_out_the_paths(case, pattern):
    _, space = case
    counts = classes_of(pf.Patterns({"yes": pattern, "no": ~pattern}), space)
    assert None not in counts
    assert sum(counts.values()) == space.count


def test_names_and_values():
    assert pf.CountSteps("c1@2:", 2).names == ("0", "1", "2+")
    assert pf.CountSteps("c1@2:", 2) == pf.CountSteps(pf.Step("c1", ((2, None),)), 2)
    assert pf.PathLength(3).names == ("1", "2", "3+")
    assert pf.PathLength(1).names == ("1+",)
    first = pf.FirstOf({"late": "c1@3:", "early": "c1"})
    assert first.names == ("late", "early")
    assert first == pf.FirstOf(first.choices)
    assert hash(first) == hash(pf.FirstOf(first.choices))
    assert first != pf.FirstOf({"early": "c1", "late": "c1@3:"})
    assert repr(first) == "FirstOf({'late': 'c1@3:', 'early': 'c1'})"


def test_equal_ones_have_one_hash_and_others_another():
    made = [pf.Patterns({"p": "a"}), pf.Patterns({"q": "a"}), pf.Patterns({"p": "b"})]
    made += [pf.FirstOf({"p": "a"}), pf.FirstOf({"q": "a"})]
    made += [pf.Listed(["a b"]), pf.Listed(["a c"])]
    again = [pf.Patterns({"p": "a"}), pf.FirstOf({"p": "a"}), pf.Listed(["a b"])]
    # Of two kinds it may be the same: they are never equal.
    assert len({(type(m), hash(m)) for m in made}) == len(made)
    assert [made.index(m) for m in again] == [0, 3, 5]
    assert {*made, *again} == {*made}
    assert pf.Patterns({"p": "a"}) != pf.FirstOf({"p": "a"})


def test_as_partition():
    assert as_partition({"p": "a b"}) == pf.Patterns({"p": "a b"})
    partition = pf.PathLength(2)
    assert as_partition(partition) is partition


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: pf.Patterns({}), "patterns is empty"),
        (lambda: pf.Patterns({"p": "a ("}), "column 4"),
        (lambda: pf.Patterns({"p": 3}), "pattern=3 is a int"),
        (lambda: pf.FirstOf({}), "choices is empty"),
        (lambda: pf.FirstOf({"p": "a b"}), "'a b' is not a single step"),
        (lambda: pf.CountSteps("a*b*", 0), "most=0"),
        (lambda: pf.PathLength(True), "most=True"),
        (lambda: pf.CountSteps("(a)*", 2), "is not a single step"),
        (lambda: pf.PathLength(0), "most=0"),
        (lambda: pf.PathLength(2.5), "most=2.5"),
        (lambda: as_partition("a b"), "partition='a b' is a str"),
    ],
)
@pytest.mark.usefixtures("unchecked")
def test_bad_input(make, message):
    with pytest.raises(pf.PatternError, match=message):
        make()
