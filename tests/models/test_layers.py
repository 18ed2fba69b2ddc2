"""The models of vectors, images and sequences against NumPy, flax and counting by hand."""

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import pathflow as pf
from pathflow.models import (
    CNN,
    GRU,
    MLP,
    ElmanRNN,
    Gelu,
    MaxPooling,
    MeanPooling,
    ModelCard,
    Relu,
    Tanh,
    load_model,
    save_model,
)

DTYPES = [jnp.float32, jnp.float64]


def mlp(dtype=jnp.float64, **choices):
    return MLP(4, (5, 3), 2, **choices, dtype=dtype, rngs=nnx.Rngs(0))


def cnn(dtype=jnp.float64, **choices):
    return CNN((4, 8, 2), (3, 4), 5, **choices, dtype=dtype, rngs=nnx.Rngs(0))


def elman(dtype=jnp.float64, n_layers=2):
    return ElmanRNN(2, 3, 4, n_layers, dtype=dtype, rngs=nnx.Rngs(0))


def gru(dtype=jnp.float64, n_layers=2):
    return GRU(2, 3, 4, n_layers, dtype=dtype, rngs=nnx.Rngs(0))


MODELS = [(mlp, (4,)), (cnn, (4, 8, 2)), (elman, (5, 2)), (gru, (5, 2))]


def example(shape, dtype=jnp.float64, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), dtype)


def disturbed(model):
    """The model with biases that are not zero, so that a forgotten one is seen."""
    state = nnx.state(model, nnx.Param)
    rng = np.random.default_rng(5)
    noise = jax.tree.map(lambda p: p + jnp.asarray(0.3 * rng.normal(size=p.shape), p.dtype), state)
    nnx.update(model, noise)
    return model


def values(module):
    return {
        ".".join(map(str, path)): np.asarray(v[...], np.float64)
        for path, v in nnx.to_flat_state(nnx.state(module, nnx.Param))
    }


@pytest.mark.parametrize(
    ("activation", "numpy"),
    [
        (Relu(), lambda x: np.maximum(x, 0)),
        (Tanh(), np.tanh),
        (Gelu(), lambda x: x * (1 + np.vectorize(math.erf)(x / math.sqrt(2))) / 2),
        (
            Gelu(approximate=True),
            lambda x: x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))) / 2,
        ),
    ],
)
def test_mlp_in_numpy(activation, numpy):
    model, x = disturbed(mlp(activation=activation)), example((4,))
    p, h = values(model), np.asarray(x)
    for layer in (0, 1):
        h = numpy(h @ p[f"layers.{layer}.kernel"] + p[f"layers.{layer}.bias"])
    expected = h @ p["layers.2.kernel"] + p["layers.2.bias"]
    np.testing.assert_allclose(model(x), expected, rtol=1e-12)


def numpy_convolution(image, kernel, bias):
    size = kernel.shape[0]
    padded = np.pad(image, [((size - 1) // 2, size // 2)] * 2 + [(0, 0)])
    out = np.empty((*image.shape[:2], kernel.shape[3]))
    for i, j in itertools.product(*map(range, image.shape[:2])):
        window = padded[i : i + size, j : j + size]
        out[i, j] = np.einsum("abc,abcd->d", window, kernel) + bias
    return out


@pytest.mark.parametrize(("pooling", "reduced"), [(MaxPooling(), "max"), (MeanPooling(), "mean")])
@pytest.mark.parametrize(("kernel_size", "n_residual"), [(3, 2), (2, 0)])
def test_cnn_in_numpy(pooling, reduced, kernel_size, n_residual):
    model = disturbed(cnn(kernel_size=kernel_size, n_residual=n_residual, pooling=pooling))
    x = example((4, 8, 2))
    p, h = values(model), np.asarray(x)

    def convolved(image, name):
        return numpy_convolution(image, p[f"{name}.kernel"], p[f"{name}.bias"])

    for s in range(2):
        h = np.maximum(convolved(h, f"stages.{s}.convolution"), 0)
        for b in range(n_residual):
            block = f"stages.{s}.blocks.{b}"
            inner = np.maximum(convolved(h, f"{block}.first"), 0)
            h = np.maximum(h + convolved(inner, f"{block}.second"), 0)
        squares = h.reshape(h.shape[0] // 2, 2, h.shape[1] // 2, 2, -1)
        h = getattr(squares, reduced)((1, 3))
    expected = h.reshape(-1) @ p["readout.kernel"] + p["readout.bias"]
    np.testing.assert_allclose(model(x), expected, rtol=1e-12)


def test_elman_in_numpy():
    model, inputs = disturbed(elman()), example((5, 2))
    p, below = values(model), np.asarray(inputs)
    for layer in ("layers.0", "layers.1"):
        h, out = np.zeros(3), []
        for x in below:
            h = np.tanh(
                x @ p[f"{layer}.input_kernel"]
                + h @ p[f"{layer}.recurrent_kernel"]
                + p[f"{layer}.bias"]
            )
            out.append(h)
        below = np.stack(out)
    expected = below[-1] @ p["readout.kernel"] + p["readout.bias"]
    np.testing.assert_allclose(model(inputs), expected, rtol=1e-12)


def test_gru_is_that_of_flax():
    model, inputs = disturbed(gru(n_layers=1)), example((5, 2))
    layer = model.layers[0]
    theirs = nnx.GRUCell(2, 3, param_dtype=jnp.float64, rngs=nnx.Rngs(0))
    theirs.dense_i.kernel[...] = layer.input_kernel[...]
    theirs.dense_i.bias[...] = layer.bias[...]
    theirs.dense_h.kernel[...] = layer.recurrent_kernel[...]
    # Flax has no bias of the candidate's recurrent part.
    layer.candidate_bias[...] = jnp.zeros(3)
    carry = jnp.zeros(3)
    for x in inputs:
        carry, _ = theirs(carry, x)
    expected = carry @ model.readout.kernel[...] + model.readout.bias[...]
    np.testing.assert_allclose(model(inputs), expected, rtol=1e-12)


def test_gru_in_numpy():
    model, inputs = disturbed(gru()), example((5, 2))
    p, below = values(model), np.asarray(inputs)
    for layer in ("layers.0", "layers.1"):
        w, u, b = (p[f"{layer}.{n}"] for n in ("input_kernel", "recurrent_kernel", "bias"))
        h, out = np.zeros(3), []
        for x in below:
            r = 1 / (1 + np.exp(-(x @ w[:, :3] + h @ u[:, :3] + b[:3])))
            z = 1 / (1 + np.exp(-(x @ w[:, 3:6] + h @ u[:, 3:6] + b[3:6])))
            recurrent = h @ u[:, 6:] + p[f"{layer}.candidate_bias"]
            h = z * h + (1 - z) * np.tanh(x @ w[:, 6:] + b[6:] + r * recurrent)
            out.append(h)
        below = np.stack(out)
    expected = below[-1] @ p["readout.kernel"] + p["readout.bias"]
    np.testing.assert_allclose(model(inputs), expected, rtol=1e-12)


@pytest.mark.parametrize("make", [elman, gru])
@pytest.mark.parametrize("n_layers", [1, 3])
def test_numbers_of_paths_in_closed_form(make, n_layers):
    inputs = example((5, 2))
    graph = pf.trace(make(n_layers=n_layers), inputs, qoi=pf.Logit(0))
    for n in range(5):
        routes = math.comb(n + n_layers - 1, n)
        expected = routes if make is elman else 3**n_layers * 4**n * routes
        assert graph.count_paths(f"x@{4 - n}", "qoi") == expected


def test_numbers_of_paths_of_feed_forward_models():
    x, entries = example((4,)), {"x": pf.Components(), "h*": pf.Components()}
    graph = pf.trace(mlp(), x, qoi=pf.Logit(0), split=entries)
    assert graph.count_paths("inputs", "qoi") == 4 * 5 * 3
    image = example((4, 8, 2))
    graph = pf.trace(cnn(n_residual=2), image, qoi=pf.Logit(0))
    assert graph.count_paths("image", "qoi") == 2 ** (2 * 2)
    split = {"conv0": pf.Axis(2), "pool1": pf.Axis(2)}
    graph = pf.trace(cnn(n_residual=0), image, qoi=pf.Logit(0), split=split)
    assert graph.count_paths("image", "qoi") == 3 * 4


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("make", "shape"), MODELS)
def test_a_model_comes_back_bit_for_bit(tmp_path, make, shape, dtype):
    written = disturbed(make(dtype))
    save_model(tmp_path / "m.safetensors", written, ModelCard("m"))
    read = load_model(tmp_path / "m.safetensors").model
    assert type(read) is type(written)
    assert read.config == written.config
    ours, theirs = values(read), values(written)
    assert ours.keys() == theirs.keys()
    assert all(np.array_equal(ours[name], theirs[name]) for name in ours)
    x = example(shape, dtype)
    assert read(x).dtype == dtype
    assert np.array_equal(read(x), written(x))


@pytest.mark.parametrize(("make", "shape"), MODELS)
def test_a_batch_is_its_examples_and_a_seed_is_a_model(make, shape):
    model = make()
    batch = jnp.stack([example(shape, seed=s) for s in range(3)])
    one_by_one = jnp.stack([model(x) for x in batch])
    np.testing.assert_allclose(jax.vmap(model)(batch), one_by_one, rtol=1e-12)
    assert all(
        np.array_equal(a, b)
        for a, b in zip(values(model).values(), values(make()).values(), strict=True)
    )


@pytest.mark.parametrize(("make", "shape"), MODELS)
@pytest.mark.usefixtures("unchecked")
def test_other_shapes_and_dtypes_are_refused(make, shape):
    model = make()
    with pytest.raises(pf.ShapeError, match=r"takes one example of shape .*jax.vmap"):
        model(jnp.zeros((2, *shape)))
    with pytest.raises(pf.ShapeError, match="takes one example"):
        model(jnp.zeros((*shape[:-1], shape[-1] + 1)))
    with pytest.raises(pf.ShapeError, match="takes float64.*got float32"):
        model(jnp.zeros(shape, jnp.float32))
    with pytest.raises(pf.ShapeError, match="got int32"):
        model(jnp.zeros(shape, jnp.int32))
    if make in (elman, gru):
        with pytest.raises(pf.ShapeError, match=r"\(any, 2\)"):
            model(jnp.zeros((0, 2)))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda r: MLP(0, (2,), 2, rngs=r), pf.ArgumentError, r"MLP\(in_size=...\)"),
        (lambda r: MLP(2, (2, -1), 2, rngs=r), pf.ArgumentError, r"MLP\(hidden=...\).*-1"),
        (lambda r: MLP(2, 3, 2, rngs=r), pf.ArgumentError, "sequence of positive ints, got 3"),
        (lambda r: CNN((4, 4), (2,), 2, rngs=r), pf.ArgumentError, "height, width and channels"),
        (lambda r: CNN((4, 4, 1), (), 2, rngs=r), pf.ArgumentError, "at least one stage"),
        (lambda r: CNN((4, 4, 1), (2,), 2, 0, rngs=r), pf.ArgumentError, "kernel_size"),
        (lambda r: CNN((4, 4, 1), (2,), 2, 3, -1, rngs=r), pf.ArgumentError, "n_residual"),
        (lambda r: CNN((4, 6, 1), (2, 2), 2, rngs=r), pf.ShapeError, "4 divides"),
        (lambda r: MaxPooling(0), pf.ArgumentError, r"MaxPooling\(size=...\)"),
        (lambda r: MeanPooling(2)(jnp.zeros((3, 4, 1))), pf.ShapeError, "does not fill"),
        (lambda r: ElmanRNN(2, 3, 2, 0, rngs=r), pf.ArgumentError, r"ElmanRNN\(n_layers=...\)"),
        (lambda r: GRU(2, 1.5, 2, rngs=r), pf.ArgumentError, r"GRU\(hidden_size=...\).*1.5"),
    ],
)
@pytest.mark.usefixtures("unchecked")
def test_sizes_that_make_no_model_are_refused(make, error, message):
    with pytest.raises(error, match=message):
        make(nnx.Rngs(0))
