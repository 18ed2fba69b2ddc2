"""Enumerations into a folder: the same influences, whatever they are cut into, in little memory."""

import tempfile
import tracemalloc
from importlib.metadata import version
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pathflow as pf
from tests.helpers import (
    PATH_COUNTS,
    brute_force,
    count_paths,
    dag_programs,
    line,
    lstm_by_step,
    lstm_params,
    structure,
)

_EXACT = 1e-12
STEPS = 2


def content(folder):
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.name != "lock"}


# Each example compiles a program of its own.
@settings(max_examples=settings().max_examples // 8)
@given(dag_programs(), st.integers(1, 12), st.integers(1, 3), st.data())
def test_every_path_is_the_product_of_its_jacobians_however_it_is_cut(program, block, n, data):
    args = program.args()
    x = np.asarray(args[0])
    if not count_paths(structure(program, args), ["x"], "output"):
        return
    points = line(0 * x, x, np.arange(1, n + 1) / n, np.full(n, 1 / n))
    expected = brute_force(program, args, points)
    traced = pf.trace(program.function(), *args)
    doi = pf.Line(jnp.zeros_like(args[0]), n_steps=n, rule=pf.RightRiemann())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "run")
        search = pf.EnumerateTo(folder, block=block)
        try:
            run = pf.attribute(traced, args, source="x", doi=doi, search=search)
        except (pf.NoPathError, pf.NotDifferentiableError):
            return
        found = {tuple(map(str, p)): run[i] for i, p in enumerate(run.space)}
        for path in {*found, *expected.influences}:
            gap = found.get(path, 0.0) - expected.influences.get(path, 0.0)
            assert abs(gap) <= 1e-10 * max(expected.scale, 1e-6)
        assert run.audit.ok
        assert abs(run.total - expected.total) <= 1e-10 * max(expected.scale, 1e-6)

        # Whichever blocks are lost, they come back to the last bit.
        before = content(folder)
        lost = data.draw(st.sets(st.sampled_from(range(run.n_blocks))))
        for number in lost:
            (folder / f"influences-{number:06d}.npy").unlink()
        pf.attribute(traced, args, source="x", doi=doi, search=search)
        assert content(folder) == before


@pytest.fixture(scope="module")
def lstm():
    params = lstm_params(2, 3, 4, STEPS)
    words = jnp.stack([params["words"] * (1 + k / 10) for k in range(5)])
    traced = pf.trace(lstm_by_step, params)
    return traced, {**params, "words": words}, {"layers": None, "words": 0, "readout": None}


def asked(lstm, search, batched):
    traced, params, axes = lstm
    if not batched:
        params, axes = {**params, "words": params["words"][2]}, None
    doi = pf.Line(jnp.zeros(3), n_steps=4)
    in_axes = None if axes is None else (axes,)
    return pf.attribute(traced, (params,), source="x@0", doi=doi, search=search, in_axes=in_axes)


# Whole examples, several to a block and one; stretches of one example, with all points at once and
# with some.
CUTS = [
    (2**22, 2**30, (5, 152)),
    (310, 2**30, (2, 152)),
    (152, 2**15, (1, 152)),
    (40, 2**30, (1, 40)),
    (16, 10_100, (1, 16)),
]


@pytest.mark.parametrize(("block", "memory", "shape"), CUTS)
@pytest.mark.parametrize("batched", [False, True])
def test_the_cut_changes_nothing(lstm, tmp_path, block, memory, shape, batched):
    whole = asked(lstm, pf.Enumerate(), batched)
    fractions = []
    search = pf.EnumerateTo(tmp_path / "run", block, memory, fractions.append)
    run = asked(lstm, search, batched)
    assert run.space.count == PATH_COUNTS[STEPS]
    assert fractions == [(i + 1) / run.n_blocks for i in range(run.n_blocks)]
    scale = np.abs(whole.influences).max()
    blocks = list(run.blocks())
    assert len(blocks) == run.n_blocks
    seen = np.zeros_like(whole.influences)
    for at in blocks:
        assert at.influences.shape[-1] <= shape[1]
        assert at.influences.flags.writeable is False
        seen[(at.examples, at.ranks) if batched else at.ranks] += at.influences
    np.testing.assert_allclose(seen, whole.influences, rtol=_EXACT, atol=_EXACT * scale)
    np.testing.assert_array_equal(run.load().influences, seen)
    files = {len(b) for n, b in content(run.folder).items() if n.startswith("influences")}
    # One header, and one digest, around as many influences as a block holds.
    entries = np.prod(shape) if batched else shape[1]
    assert files == {128 + 8 * entries + 32}
    assert run.audit.ok
    np.testing.assert_allclose(run.total, whole.total, rtol=1e-10)
    for path in (0, 77, run.space.unrank(151)):
        np.testing.assert_array_equal(run[path], run.load()[path])
    for by in (None, pf.Largest(), pf.Smallest()):
        found, expected = run.top(7, by), run.load().top(7, by)
        assert [(r.rank, r.path) for r in found] == [(r.rank, r.path) for r in expected]
        np.testing.assert_allclose(
            [[r.influence, r.share] for r in found],
            [[r.influence, r.share] for r in expected],
            rtol=1e-12,
        )


def test_a_budget_for_less_than_a_block_is_refused_before_any_work(lstm, tmp_path):
    with pytest.raises(pf.TooManyPathsError, match=r"lower EnumerateTo\(block=...\)") as error:
        asked(lstm, pf.EnumerateTo(tmp_path / "run", memory=10_000), batched=True)
    assert error.value.count == PATH_COUNTS[STEPS]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("block", [0, -1, 1.5, True, "9"])
def test_a_block_is_a_number_of_influences(block, tmp_path, unchecked):
    with pytest.raises(pf.ArgumentError, match="takes a number of influences"):
        pf.EnumerateTo(tmp_path, block=block)


def test_a_loaded_run_that_is_too_large_says_how_to_go_through_it(lstm, tmp_path):
    run = asked(lstm, pf.EnumerateTo(tmp_path / "run", block=40), batched=False)
    with pytest.raises(pf.TooManyPathsError, match=r"go through the blocks by pathflow.open_run"):
        run.load(memory=1000)


def test_a_saved_result_is_opened_as_one_block(lstm, tmp_path):
    result = asked(lstm, pf.Enumerate(), batched=True)
    result.save(tmp_path / "run")
    run = pf.open_run(tmp_path / "run")
    (block,) = run.blocks()
    np.testing.assert_array_equal(block.influences, result.influences)
    asked(lstm, pf.Aggregate({"all": ".*"}), batched=False).save(tmp_path / "sums")
    with pytest.raises(pf.ArgumentError, match="of the kind 'aggregation'; read it with"):
        pf.open_run(tmp_path / "sums")


def test_the_manifest_says_what_was_asked_and_by_what(lstm, tmp_path):
    settings = asked(lstm, pf.EnumerateTo(tmp_path / "run"), batched=True).manifest.settings
    of = ("pathflow", "jax", "jaxlib")
    assert settings["computed by"] == {
        **{name: version(name) for name in of},
        "backend": jax.default_backend(),
        "device": jax.devices()[0].device_kind,
    }
    doi = settings["doi"]
    assert doi["n_points"] == len(doi["weights"])
    assert sum(doi["weights"]) == pytest.approx(1)
    assert settings["precision"] == {"dtype": "float64", "matmul": "highest", "x64": True}
    assert settings["question"]["target"] == "qoi"


def recurrence(x, words):
    """Two ways from every word to the next."""

    def step(state, word):
        gate = pf.tag(jax.nn.sigmoid(state), "gate")
        state = pf.tag(jnp.tanh(gate * state + word), "state")
        return state, None

    return jax.lax.scan(step, x, words)[0]


def test_many_influences_take_the_memory_of_a_block(tmp_path):
    args = jnp.array(0.5), jnp.linspace(-0.5, 0.5, 20)
    traced = pf.trace(recurrence, *args, inputs=("x",))

    def ask(name):
        search = pf.EnumerateTo(tmp_path / name, block=2**14, memory=2**20)
        return pf.attribute(traced, args, source="x", doi=pf.Point(), search=search)

    # What is compiled stays, so it is not counted.
    ask("compiled")
    tracemalloc.start()
    run = ask("run")
    top = run.top(3)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert run.space.count == 2**20
    assert run.manifest.arrays["influences"].nbytes == 2**23
    assert run.n_blocks == 64
    assert peak < 2**21
    assert run.audit.ok
    assert len(top) == 3


@pytest.mark.parametrize("block", [256, 100])
def test_the_influences_of_a_float32_model_are_float32_and_added_in_float64(tmp_path, block):
    args = jnp.float32(0.5), jnp.linspace(-0.5, 0.5, 8, dtype=jnp.float32)
    traced = pf.trace(recurrence, *args, inputs=("x",))

    def ask(search):
        doi = pf.Line(jnp.float32(0), n_steps=3)
        return pf.attribute(traced, args, source="x", doi=doi, search=search)

    whole = ask(pf.Enumerate())
    run = ask(pf.EnumerateTo(tmp_path / "run", block))
    assert whole.influences.shape == (2**8,)
    assert whole.influences.dtype == run.load().influences.dtype == np.float32
    # The residual is what float64 makes of the values in the file; sums in float32 would miss it.
    for result, influences in ((run, run.load().influences), (whole, whole.influences)):
        exact = influences.astype(np.float64)
        gap = abs(exact.sum() - result.audit.reference_total) / np.abs(exact).sum()
        np.testing.assert_allclose(result.audit.structural, gap, rtol=1e-6)
        np.testing.assert_allclose(result.total, exact.sum(), rtol=1e-12)
