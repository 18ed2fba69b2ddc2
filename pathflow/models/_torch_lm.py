"""Word language models of PyTorch: an embedding, an LSTM, and a linear layer over the words.

So are the models of PyTorch's own example (`word_language_model`) and those made from it, such as
the published one of Gulordava et al. (2018).
"""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import DTypeLike, Float, Shaped

from pathflow._errors import CheckpointError
from pathflow.models._card import ModelCard
from pathflow.models._checkpoint import Checkpoint, save_checkpoint
from pathflow.models._lstm import LSTMLanguageModel
from pathflow.models._parameters import few, fill, parameters
from pathflow.models._vocabulary import Vocabulary, read_vocabulary
from pathflow.models.torch_file import TorchFile, read_torch_file

Tensors = Mapping[str, Shaped[np.ndarray, "..."]]

_LAYER = re.compile(r"rnn\.weight_ih_l(\d+)")
# What a whole module may say of itself, and the only value of it that is computed here.
_FIXED = {
    "encoder.max_norm": (None,),
    "rnn.mode": ("LSTM",),
    "rnn.bias": (True,),
    "rnn.bidirectional": (False, 0),
    "rnn.proj_size": (0,),
}


def load_torch_lm(
    path: Path | str,
    vocabulary: Vocabulary,
    *,
    card: ModelCard | None = None,
    dtype: DTypeLike = jnp.float32,
) -> Checkpoint:
    """Reads a word language model that PyTorch saved, without PyTorch.

    The file holds a whole module, as `torch.save(model, path)` writes it, or its `state_dict()`, in
    either layout of `torch.save`. Its parts are called `encoder` (the embedding), `rnn` (the LSTM,
    any number of layers) and `decoder` (the output weights, which may be the embedding). Nothing in
    the file is run: classes that it names are not imported.

    Arguments:
        path: the file.
        vocabulary: the words of the model in the order of its numbers; the file has none. See
            `read_vocabulary`.
        card: what a reader must know about the model; by default the file's name and digest.
        dtype: floating type of the model; the file's is converted.

    Returns:
        The model, its words and its card, as `load_checkpoint` gives them.

    Raises:
        CheckpointError: the file is missing, damaged, or holds something else; its arrays are those
            of another network, or do not fit each other or the vocabulary.

    Example:
        ```python
        vocabulary = read_vocabulary("vocab.txt")
        model, _, _ = load_torch_lm("hidden650_batch128_dropout0.2_lr20.0.pt", vocabulary)
        logits = model(vocabulary.encode(["The", "keys", "to", "the", "cabinet"]))
        ```

    Source: K. Gulordava et al., "Colorless green recurrent networks dream hierarchically" (NAACL
    2018); the equations of `torch.nn.LSTM`.
    """
    path = Path(path)
    file = read_torch_file(path)
    vocab, embed, hidden, layers = _sizes(path, file)
    _check(path, file, _shapes(vocab, embed, hidden, layers))
    if len(vocabulary) != vocab:
        raise CheckpointError(
            f"{path} is a model of {vocab} words, and the vocabulary has {len(vocabulary)}; pass "
            "the words that the model was trained with, in the order of its numbers."
        )
    tensors = file.tensors
    tied = embed == hidden and bool(
        np.array_equal(tensors["encoder.weight"], tensors["decoder.weight"])
    )
    # Abstract: no parameter is drawn only to be overwritten.
    model = nnx.eval_shape(
        lambda: LSTMLanguageModel(vocab, embed, hidden, layers, tied, dtype=dtype, rngs=nnx.Rngs(0))
    )
    kept = np.dtype(parameters(model)["output_bias"].get_value().dtype)
    # What is too large for the type becomes infinite, and `fill` says where.
    with np.errstate(over="ignore"):
        converted = _converted(tensors, layers, tied, kept)
    fill(path, model, converted)
    return Checkpoint(model, vocabulary, card or _card(path))


def convert_torch_lm(
    source: Path | str,
    words: Path | str,
    target: Path | str,
    *,
    unknown: str = "<unk>",
    end: str = "<eos>",
    card: ModelCard | None = None,
) -> Checkpoint:
    """Writes a word language model of PyTorch as a file that `load_checkpoint` reads.

    Arguments:
        source: the file of PyTorch, as for `load_torch_lm`.
        words: a text file with the model's words, as for `read_vocabulary`.
        target: the safetensors file to write; folders on the way are made.
        unknown: the word that stands for every other word.
        end: the word that ends a sentence.
        card: what a reader must know about the model, as for `load_torch_lm`.

    Returns:
        What was written.

    Raises:
        CheckpointError: one of the files cannot be used.
        ArgumentError: `unknown` or `end` is not among the words.
    """
    vocabulary = read_vocabulary(words, unknown=unknown, end=end)
    checkpoint = load_torch_lm(source, vocabulary, card=card)
    save_checkpoint(target, *checkpoint)
    return checkpoint


def _sizes(path: Path, file: TorchFile) -> tuple[int, int, int, int]:
    """Words, width of the embedding, width of a layer, and number of layers."""
    needed = ("encoder.weight", "rnn.weight_hh_l0", "decoder.weight")
    missing = [name for name in needed if name not in file.tensors]
    if missing:
        raise CheckpointError(
            f"{path} has no {', '.join(missing)}, so it is no word language model with an encoder, "
            "an rnn and a decoder; its first arrays are "
            f"{few(sorted(file.tensors))}."
        )
    flat = [name for name in needed if file.tensors[name].ndim != 2 or not file.tensors[name].size]
    if flat:
        raise CheckpointError(f"{path}: {', '.join(flat)} is no matrix, as it must be.")
    vocab, embed = file.tensors["encoder.weight"].shape
    layers = sum(_LAYER.fullmatch(name) is not None for name in file.tensors)
    return vocab, embed, file.tensors["rnn.weight_hh_l0"].shape[1], layers


def _shapes(vocab: int, embed: int, hidden: int, layers: int) -> dict[str, tuple[int, ...]]:
    """The arrays of a model of these sizes."""
    shapes: dict[str, tuple[int, ...]] = {
        "encoder.weight": (vocab, embed),
        "decoder.weight": (vocab, hidden),
        "decoder.bias": (vocab,),
    }
    for i in range(layers):
        shapes |= {
            f"rnn.weight_ih_l{i}": (4 * hidden, embed if i == 0 else hidden),
            f"rnn.weight_hh_l{i}": (4 * hidden, hidden),
            f"rnn.bias_ih_l{i}": (4 * hidden,),
            f"rnn.bias_hh_l{i}": (4 * hidden,),
        }
    return shapes


def _check(path: Path, file: TorchFile, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Refuses another network than the one that is computed here.

    Raises:
        CheckpointError: it is one.
    """
    for name, allowed in _FIXED.items():
        if file.settings.get(name, allowed[0]) not in allowed:
            raise CheckpointError(
                f"{path} has {name}={file.settings[name]!r:.60}, and load_torch_lm computes "
                f"{allowed[0]!r} alone."
            )
    missing = sorted(shapes.keys() - file.tensors.keys())
    extra = sorted(file.tensors.keys() - shapes.keys())
    if missing or extra:
        raise CheckpointError(
            f"{path} does not hold the arrays of a language model with an LSTM: missing "
            f"{few(missing)}, unexpected {few(extra)}."
        )
    for name, shape in shapes.items():
        array = file.tensors[name]
        if array.shape != shape:
            raise CheckpointError(
                f"{path}: {name} has shape {list(array.shape)}, and {list(shape)} fits the other "
                "arrays of an LSTM."
            )
        if not jnp.issubdtype(array.dtype, jnp.floating):
            raise CheckpointError(
                f"{path}: {name} holds {array.dtype}, and a model computes with floating numbers."
            )
        if not np.isfinite(array).all():
            raise CheckpointError(f"{path}: {name} holds values that are not finite.")


def _converted(
    tensors: Tensors, layers: int, tied: bool, dtype: np.dtype
) -> dict[str, Shaped[np.ndarray, "..."]]:
    """The arrays as `LSTMLanguageModel` names and lays them out.

    PyTorch keeps the rows of the gates in the order i, f, g, o, multiplies column vectors, and adds
    two biases; here the order is f, i, o, g, and row vectors are multiplied.
    """
    out = {
        "embedding": tensors["encoder.weight"].astype(dtype, copy=False),
        "output_bias": tensors["decoder.bias"].astype(dtype, copy=False),
    }
    if not tied:
        out["output_kernel"] = tensors["decoder.weight"].astype(dtype, copy=False)
    for i in range(layers):
        bias = sum(tensors[f"rnn.bias_{end}_l{i}"].astype(np.float64) for end in ("ih", "hh"))
        out |= {
            f"layers.{i}.input_kernel": _gates(tensors[f"rnn.weight_ih_l{i}"]).T.astype(
                dtype, copy=False
            ),
            f"layers.{i}.recurrent_kernel": _gates(tensors[f"rnn.weight_hh_l{i}"]).T.astype(
                dtype, copy=False
            ),
            f"layers.{i}.bias": _gates(np.asarray(bias)).astype(dtype, copy=False),
        }
    return out


def _gates(rows: Float[np.ndarray, "gates ..."]) -> Float[np.ndarray, "gates ..."]:
    i, f, g, o = np.split(rows, 4)
    return np.concatenate([f, i, o, g])


def _card(path: Path) -> ModelCard:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return ModelCard(
        path.stem,
        description="A word language model that was trained with PyTorch.",
        training={"file": path.name, "sha256": digest},
    )
