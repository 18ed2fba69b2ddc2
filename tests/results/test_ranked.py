"""Lists of some paths with a certificate, as data."""

import jax
import numpy as np
import pytest

import pathflow as pf


def space(steps: int = 3) -> pf.PathSpace:
    """Two ways at every step: `2 ** steps` paths."""
    nodes = [pf.Node("x")]
    edges = []
    ends = ["x"]
    for t in range(steps):
        pair = [pf.Node(name, (t,)) for name in "ab"]
        edges += [(u, v) for u in ends for v in map(str, pair)]
        nodes += pair
        ends = list(map(str, pair))
    nodes.append(pf.Node("q"))
    edges += [(u, "q") for u in ends]
    return pf.Graph(nodes, edges).paths("x", "q")


def ranked(paths: pf.PathSpace, ranks, influences, unseen_sum=0.5, exact=True) -> pf.Ranked:
    certificate = pf.Certificate(exact, 0.25, unseen_sum, paths.count - len(ranks), 12)
    residual = 0.0 if np.ndim(influences) == 1 else np.zeros(len(influences))
    audit = pf.Audit(residual, residual)
    return pf.Ranked(paths, tuple(ranks), np.asarray(influences), certificate, audit, {"k": 1})


@pytest.fixture
def result() -> pf.Ranked:
    return ranked(space(), [5, 2], [3.0, -1.5])


def test_rows_are_the_paths_with_their_influences_and_no_share(result, unchecked):
    assert [row.rank for row in result.rows] == [5, 2]
    assert result.rows[0].path == result.space.unrank(5)
    assert result.rows[0].influence == 3.0
    assert result.rows[0].share is None
    assert "%" not in str(result.rows[0])
    assert len(result.top(1)) == len(result) - 1 == 1
    for k in (-1, "5", 2.0):
        with pytest.raises(pf.ArgumentError, match=f"k={k!r} is no number of rows"):
            result.top(k)


def test_the_total_is_the_list_and_what_is_unseen(result):
    assert result.total == 3.0 - 1.5 + 0.5


def test_paths_are_looked_up_by_their_labels(result):
    path = str(result.space.unrank(2))
    assert result[path] == -1.5
    assert path in result
    assert str(result.space.unrank(0)) not in result
    assert "no such path" not in result
    with pytest.raises(pf.GraphError, match=r"not in the list of 2 paths.*at most 0\.25"):
        result[str(result.space.unrank(0))]
    with pytest.raises(pf.UnknownNodeError, match="nowhere"):
        result["x nowhere q"]


def test_a_rank_is_no_path(result, unchecked):
    with pytest.raises(pf.ArgumentError, match="5 is no path"):
        result[5]


def test_text_says_what_is_certain(result):
    assert "exact: each of the other 6 paths has at most 0.25" in str(result)
    assert repr(result) == "Ranked(2 of 8 paths, exact)"
    open_end = ranked(result.space, [5], [3.0], exact=False)
    assert "not proven complete" in str(open_end)


def test_a_certificate_is_a_sentence_for_any_number_of_others():
    said = {
        (0, 0.0): "exact: there are no other paths (1 beginning followed)",
        (1, 0.5): "exact: the other path has at most 0.5, it has +0.25 (1 beginning followed)",
        (1, np.inf): "exact: nothing bounds the other path, it has +0.25 (1 beginning followed)",
        (2, np.inf): "exact: nothing bounds each of the other 2 paths, all of them together +0.25 "
        "(1 beginning followed)",
    }
    for (count, bound), text in said.items():
        assert str(pf.Certificate(True, bound, 0.25, count, 1)) == text


def test_a_batch_has_examples_and_a_mean():
    batch = ranked(space(), [5, 2], [[3.0, -1.5], [1.0, 0.5]], unseen_sum=np.array([0.5, 1.5]))
    assert batch.n_examples == 2
    assert [row.influence for row in batch.rows] == [2.0, -0.5]
    np.testing.assert_array_equal(batch.total, [2.0, 3.0])
    one = batch.example(1)
    assert one.influences.tolist() == [1.0, 0.5]
    # The bound is about the mean, and says nothing of one example.
    assert not one.certificate.exact
    assert one.certificate.bound == float("inf")
    assert one.total == 3.0
    assert batch.mean().influences.tolist() == [2.0, -0.5]
    assert batch.mean().certificate.unseen_sum == 1.0
    with pytest.raises(pf.ArgumentError, match="i=2"):
        batch.example(2)
    with pytest.raises(pf.ArgumentError, match="no axis of examples"):
        one.mean()


def test_one_example_of_a_list_of_all_paths_is_such_a_list():
    every = range(8)
    batch = ranked(space(), every, np.ones((2, 8)), unseen_sum=np.zeros(2))
    assert batch.example(0).certificate.exact
    assert batch.example(0).certificate.bound == 0.0


def test_it_is_a_pytree(result):
    doubled = jax.tree.map(lambda leaf: leaf * 2, result)
    assert doubled.influences.tolist() == [6.0, -3.0]
    assert doubled.certificate.unseen_sum == 1.0
    assert doubled.ranks == result.ranks
    assert doubled.certificate.bound == result.certificate.bound
    assert jax.tree.structure(doubled) == jax.tree.structure(result)


def test_a_data_frame_keeps_ranks_beyond_int64_exact():
    paths = space(70)
    last = paths.count - 1
    frame = ranked(paths, [last, 3], [1.0, 2.0]).to_pandas()
    assert frame["rank"].tolist() == [2**70 - 1, 3]
    assert frame["path"][0] == str(paths.unrank(last))
    assert ranked(space(), [1], [1.0]).to_pandas()["rank"].dtype == np.int64
    both = ranked(space(), [1], [[1.0], [2.0]], unseen_sum=np.zeros(2)).to_pandas()
    assert both.columns.tolist() == ["example", "path", "rank", "influence"]


def test_one_influence_per_rank():
    with pytest.raises(pf.ShapeError, match="2 ranks"):
        ranked(space(), [1, 2], [1.0])
