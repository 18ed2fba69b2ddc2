"""A reference model comes back from its file as it was written, or not at all."""

import dataclasses
import json
import struct

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from safetensors import safe_open
from safetensors.numpy import save_file

from pathflow._errors import ArgumentError, CheckpointError
from pathflow.models import (
    AbstractReferenceModel,
    Gelu,
    LSTMLanguageModel,
    ModelCard,
    Relu,
    Tanh,
    Vocabulary,
    load_model,
    register_model,
    register_part,
    save_checkpoint,
    save_model,
)

CARD = ModelCard("A test", training={"steps": 3}, evaluation={"accuracy": [0.5, 1.0]})


@register_part
@dataclasses.dataclass(frozen=True)
class Pair:
    first: object
    second: tuple = ()


@register_model
class Plain(AbstractReferenceModel):
    """A model of a test's own, with everything in its config that one can hold."""

    def __init__(self, size, choices=(), part=None, *, dtype=jnp.float32, rngs):
        self.size = size
        self.choices = choices
        self.part = part
        self.kernel = nnx.Param(jax.random.normal(rngs.params(), (size, 2), dtype))
        self.bias = nnx.Param(jnp.zeros(2, dtype))

    def __call__(self, inputs):
        return inputs @ self.kernel[...] + self.bias[...]


class Unregistered(Plain):
    pass


def plain(dtype=jnp.float32, **choices):
    return Plain(3, **choices, dtype=dtype, rngs=nnx.Rngs(0))


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "model.safetensors"
    save_model(path, plain(), CARD)
    return path


def contents(path):
    with safe_open(path, framework="numpy") as opened:
        return {k: opened.get_tensor(k) for k in opened.keys()}, dict(opened.metadata())  # noqa: SIM118


def rewrite(path, tensors=None, metadata=None, without=()):
    """Another writer's file: what it changes is consistent, so no digest gives it away."""
    old_tensors, old_metadata = contents(path)
    old_metadata.pop("sha256")
    new = {k: v for k, v in (old_tensors | (tensors or {})).items() if k not in without}
    save_file(new, path, old_metadata | (metadata or {}))


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_a_model_comes_back_with_its_config_and_card(tmp_path, dtype):
    choices = (1, 2.5, "a b", None, True, (Gelu(approximate=True), ()))
    written = plain(dtype, choices=choices, part=Pair(Pair(Tanh(), (Relu(),)), (1,)))
    save_model(tmp_path / "new" / "m.safetensors", written, CARD)
    read, card = load_model(tmp_path / "new" / "m.safetensors")
    assert type(read) is Plain
    assert read.config == written.config
    assert written.config == {
        "size": 3,
        "choices": choices,
        "part": Pair(Pair(Tanh(), (Relu(),)), (1,)),
        "dtype": jnp.dtype(dtype).name,
    }
    assert card == CARD
    for name in ("kernel", "bias"):
        ours, theirs = getattr(read, name)[...], getattr(written, name)[...]
        assert ours.dtype == dtype
        assert np.array_equal(ours, theirs)
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["m.safetensors"]


def test_the_language_model_is_a_reference_model_too(tmp_path):
    model = LSTMLanguageModel(5, 3, 4, 2, tied=False, rngs=nnx.Rngs(1))
    save_model(tmp_path / "m.safetensors", model, CARD)
    read = load_model(tmp_path / "m.safetensors").model
    tokens = jnp.array([4, 0, 2])
    np.testing.assert_array_equal(read(tokens), model(tokens))
    words = Vocabulary(("<unk>", "<eos>", "a", "b", "c"))
    save_checkpoint(tmp_path / "other.safetensors", model, words, CARD)
    with pytest.raises(CheckpointError, match="no file of a reference model"):
        load_model(tmp_path / "other.safetensors")


def test_a_file_does_not_draw_parameters(file, monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("drawn")

    monkeypatch.setattr(Plain, "__init__", Plain.__init__)
    monkeypatch.setattr("jax.random.split", refuse)
    assert load_model(file).model.size == 3


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(CheckpointError, match=r"no checkpoint at .*absent.safetensors"):
        load_model(tmp_path / "absent.safetensors")


@pytest.mark.parametrize("kept", [0, 7, 8, 100, -1])
def test_a_truncated_file_is_refused(file, kept):
    file.write_bytes(file.read_bytes()[:kept])
    with pytest.raises(CheckpointError, match="cut short"):
        load_model(file)


def test_every_kind_of_other_file_is_refused(file, tmp_path):
    header = b'{"a":{"dtype":"F32","shape":[1000000000000],"data_offsets":[0,4]}}'
    for content in (
        b"not a model",
        b"\x80\x04cos\nsystem\n",  # a pickle is not opened
        struct.pack("<Q", 2**60) + b"{}",
        struct.pack("<Q", len(header)) + header + b"0000",
    ):
        file.write_bytes(content)
        with pytest.raises(CheckpointError, match="no complete safetensors file"):
            load_model(file)
    with pytest.raises(CheckpointError):
        load_model(tmp_path)
    save_file({"a": np.zeros(3)}, file)
    with pytest.raises(CheckpointError, match="no file of a reference model"):
        load_model(file)


def test_one_changed_bit_is_seen(file):
    content = bytearray(file.read_bytes())
    content[-3] ^= 1
    file.write_bytes(content)
    with pytest.raises(CheckpointError, match="digest differs"):
        load_model(file)


@pytest.mark.parametrize(
    ("tensors", "without", "message"),
    [
        ({"bias": np.zeros(3, np.float32)}, (), r"bias is float32\[3\], the model needs float32"),
        ({"bias": np.zeros(2)}, (), "bias is float64"),
        ({"bias": np.array([0, np.inf], np.float32)}, (), "bias holds values that are not finite"),
        ({"more": np.zeros(1)}, (), r"unexpected \['more'\]"),
        ({}, ("kernel",), r"missing \['kernel'\]"),
    ],
)
def test_arrays_that_do_not_fit_are_named(file, tensors, without, message):
    rewrite(file, tensors, without=without)
    with pytest.raises(CheckpointError, match=message):
        load_model(file)


def config(**changes):
    return {"config": json.dumps({"size": 3, "choices": [], "part": None} | changes)}


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"format_version": "2"}, "format version '2'"),
        ({"class": "Absent"}, "no model class 'Absent' among those known, .*Plain"),
        # A class that exists and is no model, a path to one, and a class that is no part.
        ({"class": "Pair"}, "no model class 'Pair'"),
        ({"class": "subprocess.Popen"}, "no model class 'subprocess.Popen'"),
        (config(part={"class": "Plain"}), "no class 'Plain' among those a config may hold"),
        (config(part={"class": ["Tanh"]}), "no class"),
        (config(part={}), "no class None"),
        (config(part={"class": "Gelu", "exact": True}), "cannot be read"),
        (config(size=4), r"needs float32\[4, 2\]"),
        (config(size="3"), "cannot be read"),
        (config(size=10**40), r"needs float32\[10+, 2\]"),
        (config(colour=1), "cannot be read"),
        ({"config": "{"}, "cannot be read"),
        ({"config": "[]"}, "cannot be read"),
        ({"config": '{"choices":' + "[" * 100_000}, "cannot be read"),
        ({"card": "{}"}, "cannot be read"),
        ({"card": '{"title": "a", "author": "b"}'}, "cannot be read"),
    ],
)
def test_descriptions_that_make_no_model_are_refused(file, metadata, message):
    rewrite(file, metadata=metadata)
    with pytest.raises(CheckpointError, match=message):
        load_model(file)


def test_what_cannot_be_read_again_is_not_written(tmp_path):
    path = tmp_path / "m.safetensors"
    with pytest.raises(CheckpointError, match="Unregistered is not registered"):
        save_model(path, Unregistered(3, rngs=nnx.Rngs(0)), CARD)
    with pytest.raises(CheckpointError, match="its argument part.first is <"):
        save_model(path, plain(part=Pair(jnp.tanh)), CARD)
    with pytest.raises(CheckpointError, match="no JSON"):
        save_model(path, plain(), ModelCard("m", training={"loss": jnp.ones(1)}))
    assert not path.exists()


def test_names_of_classes_are_taken_once():
    assert register_model(Plain) is Plain
    other = type("Plain", (AbstractReferenceModel,), {"__module__": "elsewhere"})
    with pytest.raises(ArgumentError, match="has the name Plain already"):
        register_model(other)
    another = dataclasses.dataclass(frozen=True)(type("Tanh", (), {"__module__": "elsewhere"}))
    with pytest.raises(ArgumentError, match="has the name Tanh already"):
        register_part(another)


def test_only_models_and_dataclasses_are_registered(unchecked):
    with pytest.raises(ArgumentError, match="subclass of AbstractReferenceModel"):
        register_model(nnx.Linear)
    with pytest.raises(ArgumentError, match="frozen dataclass"):
        register_part(int)
    with pytest.raises(ArgumentError, match="frozen dataclass"):
        register_part(dataclasses.make_dataclass("Changing", ["a"]))
