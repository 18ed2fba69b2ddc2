import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pathflow as pf

LOGITS = jnp.asarray([0.5, -1.0, 2.0, 4.0])
QOIS = {
    "logit": (pf.Logit(2), 2.0, [0, 0, 1, 0]),
    "difference": (pf.LogitDifference(3, 1), 5.0, [0, -1, 0, 1]),
    "sets": (pf.SetDifference(np.array([2, 3]), np.array([0])), 5.5, [-1, 0, 1, 1]),
    "custom": (pf.Custom(lambda z: 2 * z[0] + z[1]), 0.0, [2, 1, 0, 0]),
}


@pytest.mark.parametrize("name", QOIS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_value_gradient_and_dtype(name, dtype):
    qoi, value, gradient = QOIS[name]
    logits = LOGITS.astype(dtype)
    out = qoi(logits)
    assert out.shape == ()
    assert out.dtype == dtype
    assert float(out) == value
    assert jax.grad(qoi.__call__)(logits).tolist() == gradient
    assert float(jax.jit(lambda q, z: q(z))(qoi, logits)) == value


@pytest.mark.parametrize("index_dtype", ["int32", "int64", "uint8"])
def test_batched_indices(index_dtype):
    good, bad = (jnp.asarray(i, index_dtype) for i in ([3, 0], [1, 2]))
    logits = jnp.stack([LOGITS, -LOGITS])
    out = jax.vmap(lambda q, z: q(z))(pf.LogitDifference(good, bad), logits)
    assert out.tolist() == [5.0, 1.5]
    sets = pf.SetDifference(jnp.stack([good, bad]), jnp.stack([bad, bad]))
    expected = [float(pf.SetDifference(sets.good[b], sets.bad[b])(logits[b])) for b in range(2)]
    assert jax.vmap(lambda q, z: q(z))(sets, logits).tolist() == expected


def test_custom_arguments_are_batched():
    targets = jnp.asarray([[1.0, 0, 0, 0], [0, 0, 0, 1.0]])
    qoi = pf.Custom(jnp.dot, (targets,))
    out = jax.vmap(lambda q, z: q(z))(qoi, jnp.stack([LOGITS, LOGITS]))
    assert out.tolist() == [0.5, 4.0]


@pytest.mark.parametrize("index", [4, -1, 1000])
def test_known_index_outside_is_an_error(index):
    one, several = jnp.asarray(index), np.array([1, index])
    for qoi in (pf.Logit(one), pf.LogitDifference(0, index), pf.SetDifference(several, several)):
        with pytest.raises(pf.ArgumentError, match=rf"={index} is outside 0 \.\. 3"):
            qoi(LOGITS)


@pytest.mark.parametrize("index", [4, -1])
def test_unknown_index_outside_is_nan_and_never_another_entry(index):
    indices = jnp.asarray([0, index])
    call = jax.vmap(lambda q: jax.value_and_grad(q.__call__)(LOGITS))
    value, gradient = call(pf.Logit(indices))
    assert value[0] == LOGITS[0]
    assert gradient[0].tolist() == [1, 0, 0, 0]
    assert jnp.isnan(value[1])
    assert jnp.isnan(gradient[1]).any()


@pytest.mark.parametrize("output", [jnp.zeros((2, 4)), jnp.zeros(()), (LOGITS, LOGITS)])
def test_output_that_is_no_vector(output):
    with pytest.raises(pf.ShapeError, match=r"logits\[-1\]"):
        pf.Logit(0)(output)


def test_output_that_is_no_float():
    with pytest.raises(pf.NotDifferentiableError, match="int64"):
        pf.Logit(0)(jnp.arange(4))


def test_index_of_wrong_shape_or_dtype():
    with pytest.raises(pf.ShapeError, match=r"good has shape \(2,\)"):
        pf.LogitDifference(jnp.asarray([0, 1]), 2)(LOGITS)
    with pytest.raises(pf.ShapeError, match=r"bad has shape \(0,\)"):
        pf.SetDifference(jnp.asarray([0]), jnp.asarray([], "int32"))(LOGITS)
    with pytest.raises(pf.ArgumentError, match="index has dtype float"):
        pf.Logit(1.0)(LOGITS)
    with pytest.raises(pf.ArgumentError, match="index has dtype bool"):
        pf.Logit(True)(LOGITS)


def test_custom_must_return_a_floating_scalar():
    with pytest.raises(pf.ShapeError, match=r"shape \(4,\)"):
        pf.Custom(lambda z: z)(LOGITS)
    with pytest.raises(pf.NotDifferentiableError, match="int"):
        pf.Custom(jnp.argmax)(LOGITS)
