"""Files of models that somebody made up: refused by name, soon, and with little memory held."""

import json
import os
import time
import warnings

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from safetensors import safe_open
from safetensors.numpy import save_file

from pathflow import ArgumentError, CheckpointError
from pathflow.models import (
    GRULanguageModel,
    LSTMLanguageModel,
    ModelCard,
    TrainConfig,
    Vocabulary,
    load_checkpoint,
    load_gpt2,
    load_model,
    read_vocabulary,
    save_checkpoint,
    save_model,
)
from pathflow.models._training_state import TrainingState
from tests.fuzz._bounds import bounded

WORDS = Vocabulary(("<unk>", "<eos>", "keys"))
CARD = ModelCard("m")
SOON = 10.0


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


def rewrite(path, **metadata):
    """What else a file says, without the digest that would tell."""
    with safe_open(path, framework="numpy") as opened:
        tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
        before = dict(opened.metadata())
    before.pop("sha256")
    save_file(tensors, path, before | metadata)


def config_of(path, **changes):
    with safe_open(path, framework="numpy") as opened:
        return json.dumps(json.loads(opened.metadata()["config"]) | changes)


def refused(load, path, message):
    start = time.perf_counter()
    with bounded(), pytest.raises(CheckpointError, match=message) as caught:
        load(path)
    assert time.perf_counter() - start < SOON
    assert len(str(caught.value)) < 1000


MANY = [5, 100, 10**6, 10**12, 2**70, 10**400]


@pytest.mark.parametrize("n", MANY, ids=lambda n: f"{n:.0e}" if n < 10**300 else "huge")
def test_a_model_of_any_number_of_layers_is_given_up(path, n):
    models = {
        LSTMLanguageModel: lambda: LSTMLanguageModel(3, 2, 2, 1, True, rngs=nnx.Rngs(0)),
        GRULanguageModel: lambda: GRULanguageModel(3, 2, 2, 1, rngs=nnx.Rngs(0)),
    }
    for make in models.values():
        save_model(path, make(), CARD)
        rewrite(path, config=config_of(path, n_layers=n))
        refused(load_model, path, "description|does not hold the arrays")
    save_checkpoint(path, models[LSTMLanguageModel](), WORDS, CARD)
    rewrite(path, config=config_of(path, n_layers=n))
    refused(load_checkpoint, path, "more parameters than there are arrays|description")


@pytest.mark.parametrize("size", [10**12, 2**62, 2**70, 10**400, -1, 0, True, 2.0, "3", None, [3]])
@pytest.mark.parametrize("name", ["vocab_size", "hidden_dim", "embed_dim"])
def test_sizes_that_do_not_fit_reserve_nothing(path, unchecked, size, name):
    save_checkpoint(path, LSTMLanguageModel(3, 2, 2, 1, False, rngs=nnx.Rngs(0)), WORDS, CARD)
    rewrite(path, config=config_of(path, **{name: size}))
    refused(load_checkpoint, path, "description|the model needs|words for a model")


TEXTS = {
    "twice": '{"vocab_size": 3, "vocab_size": 3}',
    "deep": "[" * 10**5,
    "deep objects": '{"a":' * 10**5,
    "digits": "1" * 10**5,
    "no object": "3",
    "constant": "NaN",
    "nothing": "",
    "surrogate": '"\\ud800"',
    "key": json.dumps({"x" * 10**5: 1}),
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("name", ["config", "card", "vocabulary"])
def test_json_that_is_none_of_a_description(path, unchecked, name, text):
    save_checkpoint(path, LSTMLanguageModel(3, 2, 2, 1, True, rngs=nnx.Rngs(0)), WORDS, CARD)
    rewrite(path, **{name: text})
    refused(load_checkpoint, path, "the description of the model cannot be read")


@pytest.mark.parametrize(
    "words", [["<unk>", "<eos>", "\ud800"], ["<unk>", "<eos>", 3], ["<unk>", "<eos>", ["a"]], "abc"]
)
def test_words_that_are_none(path, unchecked, words):
    save_checkpoint(path, LSTMLanguageModel(3, 2, 2, 1, True, rngs=nnx.Rngs(0)), WORDS, CARD)
    rewrite(path, vocabulary=json.dumps({"words": words, "unknown": "<unk>", "end": "<eos>"}))
    refused(load_checkpoint, path, "the description of the model cannot be read")
    with pytest.raises(ArgumentError, match="a word is a text|twice|not among the words"):
        Vocabulary(tuple(words))


@pytest.mark.parametrize("field", ["title", "licence", "training"])
def test_a_card_of_other_things(path, unchecked, field):
    save_checkpoint(path, LSTMLanguageModel(3, 2, 2, 1, True, rngs=nnx.Rngs(0)), WORDS, CARD)
    rewrite(path, card=json.dumps({"title": "m"} | {field: [1]}))
    refused(load_checkpoint, path, f"the card has another {field} than a t")


STATE = {
    "step": ["-1", "1.5", "true", "[1]", "x", str(2**80)],
    "position": ["3", "[1]", "[1, -2]", "{}", "[1, 2, 3]"],
    "seconds": ['"a"', "-1", "NaN", "null"],
    "records": ["3", "[3]", '[{"a": []}]', "null"],
    "pending": ["3", '["a"]', "[[1]]"],
    "config": ["[]", "{}", "null", '{"seed": 0}'],
}


@pytest.mark.parametrize("name", STATE)
def test_a_state_of_a_training_that_is_none(path, name):
    like, config = {"a": jnp.zeros(2, jnp.float32)}, TrainConfig(total_steps=9)
    for text in STATE[name]:
        TrainingState(like).save(path, config)
        rewrite(path, **{name: text})
        with pytest.raises(CheckpointError, match=f"holds no {name} of a training"):
            TrainingState.load(path, config, like)
    TrainingState(like, pending=(float("nan"),)).save(path, config)
    assert np.isnan(TrainingState.load(path, config, like).pending[0])


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no pipes")
def test_pipes_and_devices_are_not_waited_for(path, tmp_path):
    os.mkfifo(path)
    for load in (load_checkpoint, load_model, load_gpt2):
        refused(load, path, "is no file|cannot be read")
    refused(read_vocabulary, path, "no plain file")
    (tmp_path / "zero").symlink_to("/dev/zero")
    refused(read_vocabulary, tmp_path / "zero", "no plain file")
    path.unlink()
    save_file({"a": np.zeros(1, np.float32)}, path)
    (tmp_path / "config.json").symlink_to("/dev/zero")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        refused(load_gpt2, path, "no wte.weight|cannot be read")


def test_a_list_of_words_that_is_too_large(tmp_path):
    with (tmp_path / "vocab.txt").open("wb") as file:
        file.truncate(2**33)
    refused(read_vocabulary, tmp_path / "vocab.txt", "more than the 67,108,864 bytes")
