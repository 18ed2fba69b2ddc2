"""Primary neurons: parts of the primary path, found on one half, held at zero."""

import numpy as np
import pytest

from examples.lstm_agreement.sentences.tasks import NOUN_PP, SIMPLE, TASKS, generate
from examples.lstm_agreement.tables.measure import Role, Settings, noun_influences
from examples.lstm_agreement.tables.neurons import (
    ablate,
    compute,
    find_units,
    measure,
    unit_influences,
)
from examples.lstm_agreement.tables.table1 import conditions
from tests.examples.numpy_lstm import margins

SETTINGS = Settings(4, chunk=2)


@pytest.fixture(scope="module")
def asked():
    return conditions({t.name: generate(t, 4) for t in TASKS}, 4)


def test_units_add_up_to_the_primary_path(model, vocabulary, asked):
    for condition in [c for c in asked if c.name.startswith("nounPP SP")]:
        parts, residual = unit_influences(model, vocabulary, condition, SETTINGS)
        assert residual < 1e-5
        assert parts.shape == (4, model.hidden_dim)
        paths = noun_influences(model, vocabulary, condition.sentences, condition.role, SETTINGS)
        whole = paths.influences[:, paths.space.rank(condition.primary_path)]
        np.testing.assert_allclose(parts.sum(axis=1), whole, atol=1e-5 * np.abs(parts).max())
        assert np.abs(parts).sum() > 1.5 * np.abs(whole).sum()


def test_units_of_one_sign_are_found():
    always = np.array([[0.1, 3.0, 2.0, 0.0], [0.1, 3.0, 2.0, 0.0]])
    # The largest of all, but against the others in one condition.
    first = np.array([9.0, 0, 0, 0])
    turning = [always + first, always - first]
    assert find_units(turning) == (1, 2)
    assert find_units([always], 3) == (1, 2, 0)
    # A condition in which every unit is saturated says nothing.
    assert find_units([always, 0 * always]) == (1, 2)


def test_found_units_are_not_compared_with_each_other(asked):
    influences = np.array([[5.0, 1.0, 2.0, 6.0], [5.0, 7.0, 2.0, -2.0]])
    one, two = measure(asked[0], influences, 1e-7, (0, 3))
    assert (one.unit, two.unit, one.n_sentences) == (0, 3, 2)
    assert one.t.mean == np.mean([1.0, 0.5])
    assert two.t.mean == np.mean([1.0, 0.0])
    assert two.influence.mean == 2.0
    assert one.share.mean == pytest.approx(np.mean([5 / 14, 5 / 16]))


def test_the_halves_are_different_sentences(model, vocabulary, asked):
    done = []
    simple = [c for c in asked if c.sentences[0].task == SIMPLE.name]
    units, neurons = compute(
        model, vocabulary, simple, SETTINGS, advance=lambda what, n: done.append((what, n))
    )
    parts = [unit_influences(model, vocabulary, c, SETTINGS)[0] for c in simple]
    assert units == find_units([p[::2] for p in parts])
    assert [n.n_sentences for n in neurons] == [2] * 4
    assert neurons[0].influence.mean == pytest.approx(parts[0][1::2, units[0]].mean())
    assert {n.role for n in neurons} == {Role.SUBJECT}
    assert sum(n for _, n in done) == 8


def test_held_units_are_those_of_the_equations(model, vocabulary):
    sentences = generate(NOUN_PP, 4, seed=2)
    found = {(a.condition, a.units): a for a in ablate(model, vocabulary, sentences, (1, 4))}
    assert {units for _, units in found} == {"none", "1", "4", "1 and 4", "2 others"}
    for name, held in (("none", []), ("1", [1]), ("4", [4]), ("1 and 4", [1, 4])):

        def zero(kind, layer, step, value, held=held):
            value = value.copy()
            if (kind, layer) == ("c", 1) and step >= 1:
                value[:, held] = 0
            return value

        expected = margins(model, vocabulary, sentences, zero)
        for condition in NOUN_PP.conditions:
            mine = expected[[s.condition == condition for s in sentences]]
            assert found[condition, name].margin.mean == pytest.approx(mine.mean(), rel=1e-3)
