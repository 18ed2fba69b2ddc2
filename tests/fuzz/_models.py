"""Files of models: PyTorch's, safetensors with a description, words."""

import json
import struct
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
from flax import nnx
from hypothesis import strategies as st
from safetensors.numpy import save

from pathflow.models import (
    MLP,
    LSTMLanguageModel,
    ModelCard,
    TrainConfig,
    Vocabulary,
    load_checkpoint,
    load_gpt2,
    load_model,
    load_torch_lm,
    read_vocabulary,
    save_checkpoint,
    save_model,
)
from pathflow.models._parameters import arrays
from pathflow.models._training_state import TrainingState
from pathflow.models.torch_file import read_torch_file
from tests.fuzz._mutations import edited_json, edited_texts, json_texts, mutated
from tests.fuzz._parser import Parser
from tests.helpers._torch_lm import VALID as TORCH
from tests.helpers._torch_writer import archive, legacy

WORDS = Vocabulary(("<unk>", "<eos>", "café"))
CARD = ModelCard("A title", licence="CC0", training={"steps": 3}, evaluation={"loss": 1.5})


# ---- PyTorch's files


def _torch_inputs() -> st.SearchStrategy[bytes]:
    return mutated(TORCH) | _programs() | st.binary(max_size=60)


@st.composite
def _programs(draw: Any) -> bytes:
    """Pickles of instructions in any order, in a file that is sound but for them."""
    body = draw(st.lists(st.sampled_from(_INSTRUCTIONS), max_size=25))
    return draw(st.sampled_from((legacy, archive)))(b"\x80\x02" + b"".join(body) + b".")


_NAMES = (
    b"collections\nOrderedDict", b"torch._utils\n_rebuild_tensor_v2", b"torch\nFloatStorage",
    b"torch._utils\n_rebuild_parameter", b"posix\nsystem", b"builtins\neval", b"m\nM",
)  # fmt: skip
_INSTRUCTIONS = (
    *(b"c" + name + b"\n" for name in _NAMES),
    *(b"X" + struct.pack("<I", len(t)) + t for t in (b"a", b"storage", b"cpu", b"_parameters")),
    *(b"(", b")", b"]", b"}", b"N", b"0", b"2", b"t", b"l", b"a", b"e", b"s", b"u", b"b"),
    *(b"R", b"Q", b"\x81", b"\x85", b"\x86", b"\x87", b"q\0", b"h\0", b"q\1", b"h\1", b"\x88"),
    *(b"K" + bytes([n]) for n in (0, 1, 2, 200)),
    b"J\xff\xff\xff\xff", b"\x8a\x08" + b"\xff" * 7 + b"\x7f", b"G" + struct.pack(">d", 1e308),
    b"(K\1K\2t", b"\x8a\x10" + b"\x7f" * 16,
)  # fmt: skip


def _read_torch(content: bytes, folder: Path) -> None:
    path = folder / "m.pt"
    path.write_bytes(content)
    file = read_torch_file(path)
    for name, array in file.tensors.items():
        assert name.isprintable()
        # No view may say that it is larger than the file, or reach beyond it.
        assert array.nbytes <= len(content)
        # Whatever a tensor has came out of the file.
        assert all(value.tobytes() in content for value in np.asarray(array).reshape(-1))
        with np.errstate(all="ignore"):
            np.asarray(array).astype(np.float32).sum()
    model, words, _ = load_torch_lm(path, WORDS)
    assert words is WORDS
    _assert_finite(model)


# ---- safetensors files that describe themselves


def _split(content: bytes) -> tuple[dict[str, Any], bytes]:
    (size,) = struct.unpack("<Q", content[:8])
    return json.loads(content[8 : 8 + size]), content[8 + size :]


def _joined(head: str, body: bytes) -> bytes:
    raw = head.encode("utf-8", "surrogatepass")
    return struct.pack("<Q", len(raw)) + raw + body


@st.composite
def _tensor_files(draw: Any, seeds: dict[str, bytes], inner: tuple[str, ...]) -> bytes:
    """Bytes changed; or the head; or the JSON that stands in it, which no digest guards."""
    if draw(st.booleans()):
        return draw(mutated(seeds))
    head, body = _split(seeds[draw(st.sampled_from(sorted(seeds)))])
    if draw(st.integers(0, 3)) == 0:
        return _joined(draw(json_texts([head])), body)
    metadata = head["__metadata__"]
    if draw(st.booleans()):
        metadata.pop("sha256", None)
    for name in draw(st.lists(st.sampled_from(inner), min_size=1, max_size=2, unique=True)):
        metadata[name] = draw(json_texts([json.loads(metadata[name])]))
    return _joined(json.dumps(head), body)


def _written(write: Any) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder, "m"))
        return Path(folder, "m").read_bytes()


@cache
def _checkpoints() -> dict[str, bytes]:
    def model(tied: bool, n_layers: int) -> LSTMLanguageModel:
        return LSTMLanguageModel(3, 2, 2, n_layers, tied, rngs=nnx.Rngs(0))

    models = (model(True, 1), model(False, 2))
    return {
        str(i): _written(lambda p, m=m: save_checkpoint(p, m, WORDS, CARD))
        for i, m in enumerate(models)
    }


def _read_checkpoint(content: bytes, folder: Path) -> None:
    (folder / "m").write_bytes(content)
    found = load_checkpoint(folder / "m")
    save_checkpoint(folder / "again", *found)
    again = load_checkpoint(folder / "again")
    assert again.vocabulary == found.vocabulary
    # As text, in which NaN is NaN.
    assert repr(again.card) == repr(found.card)
    _assert_equal(again.model, found.model)
    _assert_finite(found.model)
    assert all(isinstance(word, str) for word in found.vocabulary)


def _assert_finite(model: nnx.Module) -> None:
    assert all(np.isfinite(a).all() for a in arrays(model).values())


def _assert_equal(one: nnx.Module, other: nnx.Module) -> None:
    ours, theirs = arrays(one), arrays(other)
    assert ours.keys() == theirs.keys()
    assert all(ours[name].tobytes() == theirs[name].tobytes() for name in ours)


@cache
def _models() -> dict[str, bytes]:
    sizes = ((2, (3,), 1), (1, (), 1))
    models = [MLP(*size, rngs=nnx.Rngs(0)) for size in sizes]
    return {str(i): _written(lambda p, m=m: save_model(p, m, CARD)) for i, m in enumerate(models)}


def _read_model(content: bytes, folder: Path) -> None:
    (folder / "m").write_bytes(content)
    model, card = load_model(folder / "m")
    save_model(folder / "again", model, card)
    again = load_model(folder / "again")
    assert repr(again.card) == repr(card)
    _assert_equal(again.model, model)


# ---- a training that goes on

_CONFIG = TrainConfig(total_steps=9)
_LIKE = {"a": jnp.zeros((2, 2), jnp.float32), "b": jnp.zeros((), jnp.int32)}


@cache
def _states() -> dict[str, bytes]:
    state = TrainingState(
        _LIKE, 3, seconds=1.5, records=({"step": 1, "loss": 2.5},), pending=(1.0,)
    )
    return {"state": _written(lambda p: state.save(p, _CONFIG))}


def _read_state(content: bytes, folder: Path) -> None:
    (folder / "m").write_bytes(content)
    state = TrainingState.load(folder / "m", _CONFIG, _LIKE)
    state.save(folder / "again", _CONFIG)
    again = TrainingState.load(folder / "again", _CONFIG, _LIKE)
    for name in ("step", "position", "seconds", "records", "pending"):
        assert repr(getattr(again, name)) == repr(getattr(state, name))


# ---- GPT-2's layout


@cache
def _gpt2() -> tuple[bytes, dict[str, Any]]:
    rng = np.random.default_rng(0)
    width, words, positions = 2, 3, 2
    shapes: dict[str, tuple[int, ...]] = {
        "wte.weight": (words, width), "wpe.weight": (positions, width),
        "ln_f.weight": (width,), "ln_f.bias": (width,),
        "h.0.ln_1.weight": (width,), "h.0.ln_1.bias": (width,),
        "h.0.ln_2.weight": (width,), "h.0.ln_2.bias": (width,),
        "h.0.attn.c_attn.weight": (width, 3 * width), "h.0.attn.c_attn.bias": (3 * width,),
        "h.0.attn.c_proj.weight": (width, width), "h.0.attn.c_proj.bias": (width,),
        "h.0.mlp.c_fc.weight": (width, 4 * width), "h.0.mlp.c_fc.bias": (4 * width,),
        "h.0.mlp.c_proj.weight": (4 * width, width), "h.0.mlp.c_proj.bias": (width,),
    }  # fmt: skip
    tensors = {n: rng.normal(size=s).astype(np.float32) for n, s in shapes.items()}
    config = {
        "n_head": 1, "n_layer": 1, "n_embd": width, "vocab_size": words, "n_positions": positions,
        "n_inner": None, "activation_function": "gelu_new", "layer_norm_epsilon": 1e-5,
        "scale_attn_weights": True,
    }  # fmt: skip
    return save(tensors, {"format": "pt"}), config


@st.composite
def _gpt2_folders(draw: Any) -> tuple[bytes, bytes]:
    content, config = _gpt2()
    if draw(st.booleans()):
        return content, draw(json_texts([config])).encode("utf-8", "surrogatepass")
    if draw(st.booleans()):
        head, body = _split(content)
        return _joined(json.dumps(draw(edited_json([head]))), body), json.dumps(config).encode()
    return draw(mutated({"": content})), json.dumps(config).encode()


def _read_gpt2(files: tuple[bytes, bytes], folder: Path) -> None:
    for name, content in zip(("model.safetensors", "config.json"), files, strict=True):
        (folder / name).write_bytes(content)
    _assert_finite(load_gpt2(folder))


# ---- words

_PIECES = ("\n", "\r\n", "\r", " ", "\t", "\u2028", "\x0b", "<unk>\n", "<eos>\n", "a", "\0", "\x85")


def _word_files() -> st.SearchStrategy[bytes]:
    texts = edited_texts(("<unk>\n<eos>\nthe\nkeys\n", "the\n<eos>\n<unk>"), _PIECES)
    return texts.map(lambda t: t.encode("utf-8", "surrogatepass")) | mutated(
        {"words": "<unk>\n<eos>\ncafé\n".encode()}
    )


def _read_words(content: bytes, folder: Path) -> None:
    (folder / "vocab.txt").write_bytes(content)
    words = read_vocabulary(folder / "vocab.txt")
    (folder / "again.txt").write_bytes("".join(f"{w}\n" for w in words).encode())
    assert read_vocabulary(folder / "again.txt") == words
    assert words.decode(words.encode(words)) == list(words)


_DESCRIBED = ("config", "card")
PARSERS = (
    Parser("files of PyTorch", _torch_inputs, _read_torch, 300),
    Parser(
        "checkpoints",
        lambda: _tensor_files(_checkpoints(), (*_DESCRIBED, "vocabulary")),
        _read_checkpoint,
        60,
    ),
    Parser("reference models", lambda: _tensor_files(_models(), _DESCRIBED), _read_model, 60),
    Parser(
        "states of a training",
        lambda: _tensor_files(
            _states(), ("step", "position", "seconds", "records", "pending", "config")
        ),
        _read_state,
        60,
    ),
    Parser("weights of GPT-2", _gpt2_folders, _read_gpt2, 40),
    Parser("lists of words", _word_files, _read_words, 100),
)
