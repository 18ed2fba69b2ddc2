"""Weights of GPT-2 and of its like, from safetensors files as they are published.

A file holds arrays and their names; nothing in it is executed. A kernel there is stored as it
multiplies a row vector (`[in, out]`), and queries, keys and values of all heads are columns of one
kernel; here every head has kernels of its own.
"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import DTypeLike, Shaped

from pathflow._errors import CheckpointError, told
from pathflow.models._activations import Gelu, Relu
from pathflow.models._parameters import few
from pathflow.models._tensor_file import read_tensors
from pathflow.models._transformer import TransformerDecoder
from pathflow.models._transformer_options import LearnedPositions, PreNorm
from pathflow.storage import MOST_BYTES, parsed, plain_bytes

Tensors = Mapping[str, Shaped[np.ndarray, "..."]]

_PREFIX = "transformer."
_OUTPUT = "lm_head.weight"
# Masks that older files hold beside the parameters.
_BUFFERS = (".attn.bias", ".attn.masked_bias")
_ACTIVATIONS = {
    "gelu_new": Gelu(approximate=True),
    "gelu_pytorch_tanh": Gelu(approximate=True),
    "gelu": Gelu(),
    "relu": Relu(),
}
# What else the published configurations may say, and the only value of it that is computed here.
_FIXED = {
    "scale_attn_weights": (True,),
    "scale_attn_by_inverse_layer_idx": (False,),
    "add_cross_attention": (False,),
}


def load_gpt2(
    path: Path | str, *, n_heads: int | None = None, dtype: DTypeLike = jnp.float32
) -> TransformerDecoder:
    """Reads weights in the layout of GPT-2.

    Names are `wte.weight`, `wpe.weight`, `h.0.attn.c_attn.weight` and so on, all with the prefix
    `transformer.` or none of them; masks (`h.0.attn.bias`) are passed over. The output weights are
    the embeddings, unless the file has others (`lm_head.weight`).

    Arguments:
        path: a safetensors file, or a folder with `model.safetensors`. `config.json` beside it is
            read where it is there.
        n_heads: heads of every layer, which no array tells; may be None where `config.json` says
            it.
        dtype: floating type of the model; the file's is converted.

    Returns:
        The model, whose nodes are those of `TransformerDecoder`.

    Raises:
        CheckpointError: the file is missing or damaged, or holds too many or too few arrays, or
            such of other shapes; the configuration asks for something that is not computed here, or
            contradicts the arrays; the number of heads is not known.

    Example:
        ```python
        model = load_gpt2("gpt2/model.safetensors")
        graph = pf.trace(model, tokens, nodes=residual_writers(), qoi=pf.LogitDifference(262, 257))
        ```

    Source: A. Radford et al., "Language Models are Unsupervised Multitask Learners" (2019).
    """
    path = Path(path)
    if path.is_dir():
        path = path / "model.safetensors"
    tensors = _named(path, read_tensors(path)[0])
    sizes = _sizes(path, tensors)
    config = _read_config(path.with_name("config.json"))
    _check_config(path, config, sizes)
    heads = config.get("n_head") if n_heads is None else n_heads
    if heads is None:
        raise CheckpointError(
            f"{path} does not tell how many heads a layer has, and there is no config.json beside "
            "it that does; pass n_heads, which is 12 for the smallest GPT-2."
        )
    number = isinstance(heads, int) and not isinstance(heads, bool)
    if not number or heads < 1 or sizes["width"] % heads:
        raise CheckpointError(
            f"{path}: {heads!r:.60} heads cannot share a width of {sizes['width']}; pass "
            "n_heads as the model was trained with."
        )
    tied = _OUTPUT not in tensors or _same(tensors[_OUTPUT], tensors["wte.weight"])
    _check_tensors(path, tensors, _shapes(sizes))
    norm = PreNorm(config.get("layer_norm_epsilon", 1e-5))
    length = LearnedPositions(sizes["positions"])
    # Abstract: no parameter is drawn only to be overwritten.
    model = nnx.eval_shape(
        lambda: TransformerDecoder(
            sizes["vocab"],
            sizes["width"],
            heads,
            sizes["layers"],
            sizes["hidden"],
            length,
            norm,
            _ACTIVATIONS[config.get("activation_function", "gelu_new")],
            tied=tied,
            dtype=dtype,
            rngs=nnx.Rngs(0),
        )
    )
    _fill(model, tensors, dtype)
    return model


def _named(path: Path, tensors: Tensors) -> dict[str, np.ndarray]:
    """The parameters by their names without prefix."""
    named = {
        name.removeprefix(_PREFIX): array
        for name, array in tensors.items()
        if not name.endswith(_BUFFERS)
    }
    if len(named) < sum(not name.endswith(_BUFFERS) for name in tensors):
        raise CheckpointError(
            f"{path} holds arrays both with and without the prefix {_PREFIX!r}; keep those of one "
            "model."
        )
    return named


def _sizes(path: Path, tensors: Tensors) -> dict[str, int]:
    """The sizes that the arrays themselves tell."""
    needed = ("wte.weight", "wpe.weight", "h.0.mlp.c_fc.weight")
    missing = [name for name in needed if name not in tensors]
    if missing:
        raise CheckpointError(
            f"{path} has no {', '.join(missing)}, so it is no GPT-2; its first arrays are "
            f"{few(sorted(tensors))}. A file that is one of several parts "
            "must be joined with the others first."
        )
    flat = [name for name in needed if tensors[name].ndim != 2]
    if flat:
        raise CheckpointError(f"{path}: {', '.join(flat)} is no matrix, as it must be.")
    layers = {name.split(".")[1] for name in tensors if name.startswith("h.")}
    vocab, width = tensors["wte.weight"].shape
    return {
        "vocab": vocab,
        "width": width,
        "positions": len(tensors["wpe.weight"]),
        "hidden": tensors["h.0.mlp.c_fc.weight"].shape[1],
        "layers": len(layers),
    }


def _shapes(sizes: Mapping[str, int]) -> dict[str, tuple[int, ...]]:
    """The arrays of a model of these sizes."""
    width, hidden = sizes["width"], sizes["hidden"]
    shapes: dict[str, tuple[int, ...]] = {
        "wte.weight": (sizes["vocab"], width),
        "wpe.weight": (sizes["positions"], width),
        "ln_f.weight": (width,),
        "ln_f.bias": (width,),
    }
    kernels = {
        "attn.c_attn": (width, 3 * width),
        "attn.c_proj": (width, width),
        "mlp.c_fc": (width, hidden),
        "mlp.c_proj": (hidden, width),
    }
    for layer in (f"h.{i}" for i in range(sizes["layers"])):
        for norm in ("ln_1", "ln_2"):
            shapes |= {f"{layer}.{norm}.weight": (width,), f"{layer}.{norm}.bias": (width,)}
        for name, shape in kernels.items():
            shapes |= {f"{layer}.{name}.weight": shape, f"{layer}.{name}.bias": shape[1:]}
    return shapes


def _check_tensors(path: Path, tensors: Tensors, shapes: Mapping[str, tuple[int, ...]]) -> None:
    shapes = {**shapes, **({_OUTPUT: shapes["wte.weight"]} if _OUTPUT in tensors else {})}
    missing, extra = sorted(shapes.keys() - tensors.keys()), sorted(tensors.keys() - shapes.keys())
    if missing or extra:
        raise CheckpointError(
            f"{path} does not hold the arrays of a GPT-2 of its size: missing "
            f"{few(missing)}, unexpected {few(extra)}."
        )
    for name, shape in shapes.items():
        array = tensors[name]
        if array.shape != shape:
            turned = array.shape == shape[::-1] != shape
            hint = "; GPT-2 stores a kernel as [in, out], so transpose it" if turned else ""
            raise CheckpointError(
                f"{path}: {name} has shape {list(array.shape)}, and {list(shape)} fits the other "
                f"arrays{hint}."
            )
        if not jnp.issubdtype(array.dtype, jnp.floating):
            raise CheckpointError(
                f"{path}: {name} holds {array.dtype}, and a model computes with floating numbers; "
                "quantised weights must be converted back first."
            )
        if not np.isfinite(array.astype(np.float64)).all():
            raise CheckpointError(f"{path}: {name} holds values that are not finite.")


def _read_config(path: Path) -> dict[str, Any]:
    try:
        config = parsed(plain_bytes(path, MOST_BYTES))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path} cannot be read as JSON ({told(error)}).") from error
    if not isinstance(config, dict):
        raise CheckpointError(f"{path} holds no JSON object.")
    return config


def _check_config(path: Path, config: Mapping[str, Any], sizes: Mapping[str, int]) -> None:
    """Refuses a configuration that asks for another computation, or for other sizes.

    Raises:
        CheckpointError: it does.
    """
    for name, allowed in {**_FIXED, "activation_function": ("gelu_new", *_ACTIVATIONS)}.items():
        if config.get(name, allowed[0]) not in allowed:
            raise CheckpointError(
                f"the config.json of {path} has {name}={config[name]!r:.60}, and load_gpt2 "
                f"computes {' or '.join(map(repr, allowed))} alone."
            )
    stated = {
        "vocab_size": "vocab",
        "n_embd": "width",
        "n_positions": "positions",
        "n_layer": "layers",
        "n_inner": "hidden",
    }
    for name, size in stated.items():
        if config.get(name) not in (None, sizes[size]):
            raise CheckpointError(
                f"the config.json of {path} has {name}={config[name]!r:.60}, and the arrays say "
                f"{sizes[size]}; they belong to different models."
            )
    epsilon = config.get("layer_norm_epsilon", 1e-5)
    number = isinstance(epsilon, float | int) and not isinstance(epsilon, bool)
    if not number or not 0 < epsilon < math.inf:
        raise CheckpointError(
            f"the config.json of {path} has layer_norm_epsilon={epsilon!r:.60}, which must be a "
            "positive number."
        )


def _same(a: np.ndarray, b: np.ndarray) -> bool:
    return a.shape == b.shape and bool(np.array_equal(a, b))


def _fill(model: TransformerDecoder, tensors: Tensors, dtype: DTypeLike) -> None:
    """Puts the arrays in their places, heads apart."""
    stream = model.stream

    def put(parameter: nnx.Param, array: np.ndarray) -> None:
        parameter.set_value(jnp.asarray(array).astype(dtype))

    def put_pair(first: nnx.Param, second: nnx.Param, name: str) -> None:
        put(first, tensors[f"{name}.weight"])
        put(second, tensors[f"{name}.bias"])

    put(stream.embedding, tensors["wte.weight"])
    put(stream.position_table, tensors["wpe.weight"])
    if not model.tied:
        put(model.unembedding, tensors[_OUTPUT])
    put_pair(stream.outer_norm.scale, stream.outer_norm.shift, "ln_f")
    for i, layer in enumerate(stream.layers):
        attention, perceptron = layer.attention, layer.perceptron
        put_pair(layer.attention_norm.scale, layer.attention_norm.shift, f"h.{i}.ln_1")
        put_pair(layer.perceptron_norm.scale, layer.perceptron_norm.shift, f"h.{i}.ln_2")
        put_pair(perceptron.input, perceptron.input_bias, f"h.{i}.mlp.c_fc")
        put_pair(perceptron.output, perceptron.output_bias, f"h.{i}.mlp.c_proj")
        heads, width, head = attention.query.shape
        kernel = tensors[f"h.{i}.attn.c_attn.weight"].reshape(width, 3, heads, head)
        bias = tensors[f"h.{i}.attn.c_attn.bias"].reshape(3, heads, head)
        for part, name in enumerate(("query", "key", "value")):
            put(getattr(attention, name), kernel[:, part].transpose(1, 0, 2))
            put(getattr(attention, f"{name}_bias"), bias[part])
        put(attention.output, tensors[f"h.{i}.attn.c_proj.weight"].reshape(heads, head, width))
        put(attention.output_bias, tensors[f"h.{i}.attn.c_proj.bias"])
