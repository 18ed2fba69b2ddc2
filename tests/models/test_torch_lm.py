"""Word language models of PyTorch, against the equations of its LSTM written out in NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from pathflow._errors import ArgumentError, CheckpointError
from pathflow.models import (
    ModelCard,
    Vocabulary,
    convert_torch_lm,
    load_checkpoint,
    load_torch_lm,
    read_vocabulary,
)
from tests.helpers._torch_lm import (
    WRITTEN,
    arrays,
    module,
    numpy_logits,
    state_dict,
)
from tests.helpers._torch_writer import archive, legacy

WORDS = Vocabulary(("<unk>", "<eos>", *"abcdefghi"))
TOKENS = np.array([3, 10, 3, 0, 7])
# Compiled once for models of one size.
logits = nnx.jit(lambda model, tokens: model.logits(tokens)[0])


@pytest.fixture
def write(tmp_path):
    def write(content):
        path = tmp_path / "lm.pt"
        path.write_bytes(content)
        return path

    return write


@pytest.mark.parametrize("layout", [legacy, archive])
@pytest.mark.parametrize("written", WRITTEN)
def test_logits_are_those_of_the_equations(write, layout, written):
    w = arrays(dtype=np.float64)
    path = write(layout(WRITTEN[written](w)))
    model, vocabulary, card = load_torch_lm(path, WORDS, dtype=jnp.float64)
    assert (model.vocab_size, model.embed_dim, model.hidden_dim) == (11, 4, 3)
    assert (model.n_layers, model.tied, vocabulary) == (2, False, WORDS)
    assert (card.title, card.training["file"]) == ("lm", "lm.pt")
    np.testing.assert_allclose(logits(model, TOKENS), numpy_logits(w, TOKENS), rtol=0, atol=1e-12)


@pytest.mark.parametrize("written", WRITTEN)
@pytest.mark.parametrize("layers", [1, 3])
def test_shared_weights(write, written, layers):
    w = arrays(embed=3, layers=layers)
    w["decoder.weight"] = w["encoder.weight"]
    model, _, _ = load_torch_lm(write(legacy(WRITTEN[written](w, tied=True))), WORDS)
    assert model.tied
    assert model.n_layers == layers
    assert {leaf.dtype for leaf in jax.tree.leaves(model)} == {jnp.dtype(jnp.float32)}
    np.testing.assert_allclose(logits(model, TOKENS), numpy_logits(w, TOKENS), rtol=0, atol=1e-5)


@pytest.mark.parametrize("stored", [np.float16, np.float64])
def test_the_dtype_of_the_file_is_converted(write, stored):
    w = arrays(dtype=stored)
    model, _, _ = load_torch_lm(write(legacy(state_dict(w))), WORDS)
    assert model.output_bias[...].dtype == jnp.float32
    np.testing.assert_allclose(logits(model, TOKENS), numpy_logits(w, TOKENS), rtol=0, atol=1e-4)


def test_a_converted_model_is_the_same(write, tmp_path):
    source = write(legacy(module(arrays(), old=True)))
    words = tmp_path / "vocab.txt"
    words.write_text("\n".join(WORDS) + "\n")
    target = tmp_path / "new" / "lm.safetensors"
    card = ModelCard("A model", licence="none")
    written = convert_torch_lm(source, words, target, card=card)
    read = load_checkpoint(target)
    assert read.card == card
    assert read.vocabulary == written.vocabulary == WORDS
    ours, theirs = (nnx.to_flat_state(nnx.state(m, nnx.Param)) for m in (read[0], written[0]))
    for (place, a), (_, b) in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(a[...], b[...], str(place))


def without(name):
    return lambda w: {k: v for k, v in w.items() if k != name}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without("encoder.weight"), "has no encoder.weight, so it is no word language model"),
        (lambda _: {"a": np.ones(3, np.float32)}, "its first arrays are \\['a'\\]"),
        (without("rnn.bias_hh_l1"), r"missing \['rnn.bias_hh_l1'\]"),
        (lambda w: w | {"rnn.weight_hr_l0": w["decoder.bias"]}, r"unexpected \['rnn.weight_hr_l0'"),
        (lambda w: w | {"decoder.weight": w["decoder.bias"]}, "decoder.weight is no matrix"),
        (
            lambda w: w | {"rnn.weight_ih_l1": w["rnn.weight_ih_l0"]},
            r"rnn.weight_ih_l1 has shape \[12, 4\], and \[12, 3\] fits",
        ),
        (lambda w: w | {"decoder.bias": w["decoder.bias"][1:]}, r"decoder.bias has shape \[10\]"),
        (lambda w: w | {"decoder.bias": np.arange(11)}, "decoder.bias holds int64"),
        (
            lambda w: w | {"rnn.bias_ih_l0": np.full(12, np.inf, np.float32)},
            "rnn.bias_ih_l0 holds values that are not finite",
        ),
        (
            lambda w: w | {"decoder.bias": np.full(11, 1e300)},
            "output_bias holds values that are not finite",
        ),
        # A GRU has three gates.
        (
            lambda w: {k: v[: len(v) // 4 * 3] if "rnn" in k else v for k, v in w.items()},
            r"rnn.weight_ih_l0 has shape \[9, 4\], and \[12, 4\] fits the other arrays of an LSTM",
        ),
    ],
)
def test_other_networks_are_refused(write, change, message):
    with pytest.raises(CheckpointError, match=message):
        load_torch_lm(write(legacy(state_dict(change(arrays())))), WORDS)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"mode": "GRU"}, "rnn.mode='GRU', and load_torch_lm computes 'LSTM' alone"),
        ({"bidirectional": True}, "rnn.bidirectional=True"),
        ({"norm": 1.0}, "encoder.max_norm=1.0"),
        ({"proj_size": 2}, "rnn.proj_size=2"),
    ],
)
def test_other_computations_are_refused(write, settings, message):
    with pytest.raises(CheckpointError, match=message):
        load_torch_lm(write(legacy(module(arrays(), **settings))), WORDS)


def test_the_vocabulary_must_fit(write):
    path = write(legacy(state_dict(arrays())))
    with pytest.raises(CheckpointError, match="a model of 11 words, and the vocabulary has 10"):
        load_torch_lm(path, Vocabulary(WORDS.words[:10]))


def test_a_vocabulary_is_read_line_by_line(tmp_path):
    path = tmp_path / "vocab.txt"
    path.write_bytes(b"<unk>\r\nthe\r\n<eos>\r\n")
    assert read_vocabulary(path).words == ("<unk>", "the", "<eos>")
    # No end of the last line, and characters that other readers take for line ends.
    path.write_bytes("café\n?\n\u200b\n!".encode())
    assert read_vocabulary(path, unknown="?", end="!").words == ("café", "?", "\u200b", "!")
    with pytest.raises(ArgumentError, match="unknown='<unk>'"):
        read_vocabulary(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<unk>\n\n<eos>\n", r"vocab.txt:2: a line holds one word, and not ''"),
        (b"<unk>\n<eos>\n\n", r"vocab.txt:3: a line"),
        (b"<unk>\nthe cat\n<eos>", r"vocab.txt:2: .* not 'the cat'"),
        (b"<unk>\n the\n<eos>", r"vocab.txt:2: .* not ' the'"),
        (b"0\tthe\n", r"vocab.txt:1: "),
        (b"<unk>\na\n<eos>\na\n", r"vocab.txt:4: 'a' is the word of line 2 already"),
        (b"", r"vocab.txt:1: "),
        (b"\xff\n", "cannot be read"),
    ],
)
def test_vocabularies_that_cannot_be_read(tmp_path, content, message):
    path = tmp_path / "vocab.txt"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=message):
        read_vocabulary(path)


def test_a_missing_vocabulary(tmp_path):
    with pytest.raises(CheckpointError, match="absent.txt cannot be read"):
        read_vocabulary(tmp_path / "absent.txt")
