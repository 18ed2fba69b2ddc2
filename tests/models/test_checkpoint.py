"""A checkpoint comes back as it was written, or not at all."""

import json
import struct

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from safetensors import safe_open
from safetensors.numpy import save_file

from pathflow._errors import CheckpointError, RunWriteError
from pathflow.models import (
    LSTMLanguageModel,
    ModelCard,
    Vocabulary,
    load_checkpoint,
    save_checkpoint,
)

WORDS = Vocabulary(("<unk>", "<eos>", "the", "café", '"', "keys"))
CARD = ModelCard(
    "Test model",
    licence="CC BY-SA 3.0",
    attribution="Wikipedia contributors",
    training={"steps": 3},
    evaluation={"perplexity": 1.5},
)


def model(tied=True, dtype=jnp.float32, n_layers=2):
    return LSTMLanguageModel(6, 4, 4, n_layers, tied, dtype=dtype, rngs=nnx.Rngs(0))


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "model.safetensors"
    save_checkpoint(path, model(), WORDS, CARD)
    return path


def contents(path):
    with safe_open(path, framework="numpy") as opened:
        return {k: opened.get_tensor(k) for k in opened.keys()}, dict(opened.metadata())  # noqa: SIM118


def rewrite(path, tensors=None, metadata=None):
    """Another writer's file: what it changes is consistent, so no digest gives it away."""
    old_tensors, old_metadata = contents(path)
    old_metadata.pop("sha256")
    save_file(old_tensors | (tensors or {}), path, old_metadata | (metadata or {}))


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
@pytest.mark.parametrize("n_layers", [1, 3])
def test_a_model_comes_back_with_its_words_and_card(tmp_path, tied, dtype, n_layers):
    written = model(tied, dtype, n_layers)
    save_checkpoint(tmp_path / "new" / "m.safetensors", written, WORDS, CARD)
    read, vocabulary, card = load_checkpoint(tmp_path / "new" / "m.safetensors")
    assert vocabulary == WORDS
    assert card == CARD
    ours, theirs = (nnx.to_flat_state(nnx.state(m, nnx.Param)) for m in (read, written))
    assert [path for path, _ in ours] == [path for path, _ in theirs]
    for (_, a), (_, b) in zip(ours, theirs, strict=True):
        assert a[...].dtype == dtype
        assert np.array_equal(a[...], b[...])
    tokens = jnp.array([2, 5, 3])
    np.testing.assert_array_equal(read(tokens), written(tokens))
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["m.safetensors"]


def test_a_failed_write_leaves_the_old_file(file, monkeypatch):
    before = file.read_bytes()
    monkeypatch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(RunWriteError, match="disk full"):
        save_checkpoint(file, model(tied=False), WORDS, CARD)
    assert file.read_bytes() == before
    assert list(file.parent.iterdir()) == [file]


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(CheckpointError, match=r"no checkpoint at .*absent.safetensors"):
        load_checkpoint(tmp_path / "absent.safetensors")


@pytest.mark.parametrize("kept", [0, 4, 9, 200, -1])
def test_a_truncated_file_is_refused(file, kept):
    file.write_bytes(file.read_bytes()[:kept])
    with pytest.raises(CheckpointError, match="cut short"):
        load_checkpoint(file)


def test_every_kind_of_other_file_is_refused(file, tmp_path):
    header = b'{"a":{"dtype":"F32","shape":[1000000000000],"data_offsets":[0,4]}}'
    hostile = [
        b"not a model",
        b"\xff" * 64,
        struct.pack("<Q", 2**60) + b"{}",
        struct.pack("<Q", len(header)) + header + b"0000",
    ]
    for content in hostile:
        file.write_bytes(content)
        with pytest.raises(CheckpointError, match="no complete safetensors file"):
            load_checkpoint(file)
    with pytest.raises(CheckpointError):
        load_checkpoint(tmp_path)
    save_file({"a": np.zeros(3)}, file)
    with pytest.raises(CheckpointError, match="no pathflow language model"):
        load_checkpoint(file)


def test_one_changed_bit_is_seen(file):
    content = bytearray(file.read_bytes())
    content[-20] ^= 1
    file.write_bytes(content)
    with pytest.raises(CheckpointError, match="digest differs"):
        load_checkpoint(file)


def test_arrays_that_do_not_fit_the_sizes_are_named(file):
    original = file.read_bytes()
    cases = [
        ({"output_bias": np.zeros(7, np.float32)}, r"output_bias is float32\[7\]"),
        ({"output_bias": np.zeros(6, np.float16)}, "needs float32"),
        ({"surprise": np.zeros(1)}, r"unexpected \['surprise'\]"),
        ({"output_bias": np.full(6, np.nan, np.float32)}, "not finite"),
    ]
    for tensors, message in cases:
        file.write_bytes(original)
        rewrite(file, tensors)
        with pytest.raises(CheckpointError, match=message):
            load_checkpoint(file)
    file.write_bytes(original)
    tensors, metadata = contents(file)
    metadata.pop("sha256")
    del tensors["embedding"]
    save_file(tensors, file, metadata)
    with pytest.raises(CheckpointError, match=r"missing \['embedding'\]"):
        load_checkpoint(file)


def test_descriptions_that_make_no_model_are_refused(file):
    original = file.read_bytes()
    config = json.loads(contents(file)[1]["config"])
    short = {"words": ["<unk>", "<eos>"], "unknown": "<unk>", "end": "<eos>"}
    cases = [
        ({"format_version": "2"}, "format version '2'"),
        ({"config": "{"}, "cannot be read"),
        ({"config": json.dumps(config | {"n_layers": 0})}, "cannot be read"),
        ({"config": json.dumps(config | {"colour": 1})}, "cannot be read"),
        ({"vocabulary": "[]"}, "cannot be read"),
        ({"card": "{}"}, "cannot be read"),
        ({"vocabulary": json.dumps(short)}, "word list is not the one"),
        (
            {
                "vocabulary": json.dumps(short),
                "vocabulary_sha256": Vocabulary(WORDS.words[:2]).sha256,
            },
            "2 words for a model of 6",
        ),
    ]
    for metadata, message in cases:
        file.write_bytes(original)
        rewrite(file, metadata=metadata)
        with pytest.raises(CheckpointError, match=message):
            load_checkpoint(file)


def test_what_cannot_be_read_again_is_not_written(tmp_path):
    path = tmp_path / "m.safetensors"
    with pytest.raises(CheckpointError, match="5 words and the model 6"):
        save_checkpoint(path, model(), Vocabulary(WORDS.words[:5]), CARD)
    with pytest.raises(CheckpointError, match="no JSON"):
        save_checkpoint(path, model(), WORDS, ModelCard("m", training={"loss": jnp.ones(1)}))
    assert not path.exists()
