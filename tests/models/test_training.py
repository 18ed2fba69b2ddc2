"""Training learns, stops and goes on exactly where it stopped."""

import dataclasses
import json
import logging
import os
import signal

import jax
import numpy as np
import pytest
from flax import nnx

from pathflow._errors import ArgumentError, CheckpointError
from pathflow.models import (
    FullSoftmax,
    LSTMLanguageModel,
    SampledSoftmax,
    SentenceCorpus,
    TrainConfig,
    perplexity,
    train,
)

END, VOCAB = 1, 12


def model(seed=0, width=8):
    return LSTMLanguageModel(VOCAB, width, width, 2, True, rngs=nnx.Rngs(seed))


def corpus(seed=0):
    """Each sentence counts upwards from a random word, so that the next word is certain."""
    rng = np.random.default_rng(seed)
    sentences = []
    for first in rng.integers(2, 8, 120):
        sentences += [*range(first, first + rng.integers(2, 5)), END]
    return SentenceCorpus(np.array(sentences, np.uint16), END)


def settings(**changes):
    base = TrainConfig(
        total_steps=20,
        batch_size=4,
        n_steps=8,
        learning_rate=1e-2,
        warmup_steps=3,
        log_every=5,
        evaluate_every=10,
        save_every=10,
    )
    return dataclasses.replace(base, **changes)


def parameters(trained):
    return [np.asarray(leaf) for leaf in jax.tree.leaves(nnx.state(trained, nnx.Param))]


def assert_identical(first, second):
    for a, b in zip(parameters(first), parameters(second), strict=True):
        assert a.tobytes() == b.tobytes()


class Interrupt:
    """An evaluation during which the user presses Ctrl-C, once."""

    def __init__(self):
        self.calls = 0

    def __call__(self, trained):
        self.calls += 1
        if self.calls == 1:
            os.kill(os.getpid(), signal.SIGINT)
        return {}


OBJECTIVES = {
    "full": FullSoftmax(),
    "sampled": SampledSoftmax(np.arange(VOCAB)[::-1], n_candidates=8, n_frequent=4),
}


@pytest.mark.parametrize("objective", OBJECTIVES.values(), ids=OBJECTIVES)
def test_twenty_steps_equal_ten_an_interrupt_and_ten_more(tmp_path, objective):
    # 23 batches make a round, so that 30 steps cross into the second one.
    config = settings(objective=objective, total_steps=30, final_full_steps=4)
    straight = model()
    records = train(straight, corpus(), config, progress=False)
    # A shell's background job starts with the signal ignored, so whatever it was must be back.
    handler = signal.getsignal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        train(model(), corpus(), config, folder=tmp_path, evaluate=Interrupt(), progress=False)
    saved = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [record["step"] for record in saved] == [5, 10]
    # Another seed: what was saved decides, not what the model was made with.
    resumed = model(seed=5)
    after = train(resumed, corpus(), config, folder=tmp_path, progress=False)

    assert_identical(straight, resumed)
    assert [r["loss"] for r in records] == [r["loss"] for r in after]
    assert signal.getsignal(signal.SIGINT) is handler


def test_an_interrupt_between_two_records_loses_nothing(tmp_path):
    config = settings(log_every=6, evaluate_every=4, save_every=100)
    straight, resumed = model(), model()
    records = train(straight, corpus(), config, evaluate=lambda _: {}, progress=False)
    stop = Interrupt()
    with pytest.raises(KeyboardInterrupt):
        train(model(), corpus(), config, folder=tmp_path, evaluate=stop, progress=False)
    after = train(resumed, corpus(), config, folder=tmp_path, evaluate=stop, progress=False)
    assert_identical(straight, resumed)
    assert [r["loss"] for r in records] == [r["loss"] for r in after]


def test_training_is_the_same_twice():
    first, second = model(), model()
    train(first, corpus(), settings(), progress=False)
    train(second, corpus(), settings(), progress=False)
    assert_identical(first, second)


@pytest.mark.parametrize("objective", OBJECTIVES.values(), ids=OBJECTIVES)
def test_training_learns_what_can_be_known(objective):
    trained, text = model(), corpus()
    before = perplexity(trained, text.words, END)
    config = settings(objective=objective, total_steps=400, batch_size=8, learning_rate=3e-2)
    records = train(trained, text, config, progress=False)
    assert records[-1]["loss"] < 0.6 * records[0]["loss"]
    # Uncertain are the first word (log 6) and the length (log 3) alone, in 4 words: 2.06.
    assert 1.9 < perplexity(trained, text.words, END) < 2.5 < before


def test_records_hold_what_the_evaluation_measured(tmp_path):
    config = settings(total_steps=12)
    trained = model()
    records = train(
        trained,
        corpus(),
        config,
        folder=tmp_path,
        evaluate=lambda m: {"perplexity": perplexity(m, corpus().words, END)},
        progress=False,
    )
    assert [r["step"] for r in records] == [5, 10, 12]
    assert [("perplexity" in r) for r in records] == [False, True, True]
    assert records[-1]["words"] == 12 * 4 * 8
    assert records[-1]["perplexity"] == perplexity(trained, corpus().words, END)
    assert [json.loads(x) for x in (tmp_path / "log.jsonl").read_text().splitlines()] == [*records]


def test_a_finished_training_is_not_repeated(tmp_path):
    first, second = model(), model(seed=3)
    records = train(first, corpus(), settings(), folder=tmp_path, progress=False)
    again = train(second, corpus(), settings(), folder=tmp_path, progress=False)
    assert again == records
    assert_identical(first, second)


def test_a_saved_training_is_for_its_own_model_and_batches(tmp_path):
    train(model(), corpus(), settings(total_steps=2), folder=tmp_path, progress=False)
    with pytest.raises(CheckpointError, match="another model"):
        train(model(width=6), corpus(), settings(), folder=tmp_path, progress=False)
    with pytest.raises(CheckpointError, match="batch_size=4"):
        train(model(), corpus(), settings(batch_size=2), folder=tmp_path, progress=False)
    state = tmp_path / "state.safetensors"
    state.write_bytes(state.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match="cut short"):
        train(model(), corpus(), settings(), folder=tmp_path, progress=False)
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".tmp"] == []


def test_without_a_terminal_progress_is_log_lines(caplog):
    with caplog.at_level(logging.INFO, logger="pathflow.models"):
        train(model(), corpus(), settings(total_steps=10))
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 2
    assert lines[1].startswith("step 10  words 320")
    assert lines[1].endswith("of 10 steps")


def test_on_a_terminal_progress_is_a_bar(monkeypatch, capsys):
    pytest.importorskip("rich")
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    train(model(), corpus(), settings(total_steps=10))
    assert "step 10" in capsys.readouterr().err


def test_the_learning_rate_warms_up_and_falls_to_zero():
    schedule = settings(total_steps=100, warmup_steps=10, learning_rate=0.1).schedule()
    rates = np.array([float(schedule(step)) for step in range(101)])
    assert rates[0] > 0
    assert rates.argmax() == 10
    np.testing.assert_allclose(rates[10], 0.1, rtol=1e-6)
    np.testing.assert_allclose(rates[55], 0.05, rtol=1e-6)
    assert rates[100] == 0
    assert (np.diff(rates[10:]) < 0).all()


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"total_steps": 0}, "total_steps"),
        ({"warmup_steps": -1}, "warmup_steps"),
        ({"learning_rate": float("nan")}, "learning_rate"),
        ({"clip_norm": 0.0}, "clip_norm"),
        ({"save_every": 0}, "save_every"),
    ],
)
def test_settings_out_of_range_are_named(change, name):
    with pytest.raises(ArgumentError, match=name):
        settings(**change)
