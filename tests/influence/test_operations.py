"""One operation between two nodes, for operations of many kinds: its partial is JAX's own."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import pathflow as pf

X = jnp.asarray(np.random.default_rng(0).normal(size=(4, 6)))
SQUARE = X[:, :4] @ X[:, :4].T + 5 * jnp.eye(4)
KEY = jax.random.key(3)
# What is drawn by it is told, which other tests are about.
pytestmark = pytest.mark.filterwarnings("ignore::pathflow.RandomnessWarning")


@jax.custom_vjp
def odd(x):
    return jnp.sin(x)


odd.defvjp(lambda x: (jnp.sin(x), x), lambda x, c: (c * x,))


def attention(x):
    scores = jnp.where(jnp.tril(jnp.ones((4, 4), bool)), x @ x.T, -jnp.inf)
    return jax.nn.softmax(scores, axis=-1) @ x


OPERATIONS = {
    "attention": attention,
    "layer norm": lambda x: jax.nn.standardize(x, axis=-1),
    "einsum": lambda x: jnp.einsum("ij,kj,kl->il", x, x, x),
    "outer sum": lambda x: x[:, None, :] + x[None, :, :] ** 2,
    "convolution": lambda x: jnp.convolve(x[0], x[1], mode="same"),
    "max pooling": lambda x: lax.reduce_window(x, -jnp.inf, lax.max, (2, 2), (2, 2), "VALID"),
    "mean pooling": lambda x: lax.reduce_window(x, 0.0, lax.add, (2, 2), (1, 1), "SAME"),
    "cumulative product": lambda x: jnp.cumprod(x, axis=1),
    "associative scan": lambda x: lax.associative_scan(lambda a, b: a * b + a, x),
    "sort": lambda x: jnp.sort(x, axis=1),
    "top k": lambda x: lax.top_k(x, 3)[0],
    "argsort": lambda x: x[jnp.argsort(x[:, 0])],
    "median": lambda x: jnp.median(x, axis=0),
    "norm": lambda x: jnp.linalg.norm(x, axis=1),
    "solve": lambda x: jnp.linalg.solve(SQUARE + x[:, :4], x),
    "cholesky": lambda x: jnp.linalg.cholesky(SQUARE + x @ x.T),
    "determinant": lambda x: jnp.linalg.slogdet(SQUARE + x @ x.T)[1],
    "singular values": lambda x: jnp.linalg.svd(x, compute_uv=False),
    "eigenvalues": lambda x: jnp.linalg.eigvalsh(SQUARE + x @ x.T),
    "Fourier transform": lambda x: jnp.abs(jnp.fft.rfft(x, axis=1)) ** 2,
    "complex in between": lambda x: jnp.real(jnp.exp(lax.complex(x, 2 * x))),
    "segment sum": lambda x: jax.ops.segment_sum(x, jnp.array([0, 1, 0, 2]), 3),
    "scatter add": lambda x: jnp.zeros((4, 6)).at[jnp.array([0, 2, 2])].add(x[:3]),
    "scatter": lambda x: x.at[1:3, ::2].set(x[:2, 1::2] ** 2),
    "scatter multiply": lambda x: x.at[jnp.array([1, 3])].multiply(x[:2], unique_indices=True),
    "gather": lambda x: x[jnp.array([[0, 3], [1, 1]]), :, None],
    "gather by value": lambda x: x[jnp.argmax(x[:, 0])][None] * x[:, :1],
    "dynamic slice by value": lambda x: lax.dynamic_slice(x, (jnp.argmax(x[:, 0]), 1), (2, 3)) ** 2,
    "update by value": lambda x: lax.dynamic_update_slice(x, x[:1] ** 2, (jnp.argmin(x[:, 0]), 0)),
    "interpolation": lambda x: jnp.interp(x[0], jnp.linspace(-3, 3, 7), jnp.arange(7.0) ** 2),
    "random mask": lambda x: jnp.where(jax.random.bernoulli(KEY, 0.5, x.shape), x**2, 0.0),
    "random noise": lambda x: x * jax.random.normal(KEY, x.shape),
    "vmap": jax.vmap(lambda r: jnp.outer(r, r)),
    "map": lambda x: lax.map(lambda r: jnp.tanh(r) * r.sum(), x),
    "scan": lambda x: lax.scan(lambda c, r: (jnp.sin(c + r), c * r), jnp.zeros(6), x),
    "while": lambda x: lax.while_loop(lambda c: c.sum() < 50, lambda c: c * c + 1, x),
    "cond": lambda x: lax.cond(x[0, 0] > 0, jnp.sin, jnp.tanh, x),
    "switch": lambda x: lax.switch(jnp.argmax(x[:, 0]), [jnp.sin, jnp.cos, jnp.tanh, jnp.exp], x),
    "clip": lambda x: jnp.clip(x, -0.5, 0.5),
    "integer powers": lambda x: x**3 + x**2,
    "special functions": lambda x: jax.scipy.special.erf(x) + jax.nn.softplus(x),
    "derivative": jax.grad(lambda v: jnp.sum(jnp.sin(v) ** 3)),
    "implicit": lambda x: jax.scipy.sparse.linalg.cg(lambda v: SQUARE @ v, x[:, 0])[0],
    "custom reverse rule": odd,
    "polynomial": lambda x: jnp.polyval(jnp.arange(4.0), x),
    "kron": lambda x: jnp.kron(x[:2, :2], x[:2]),
    "triangle": lambda x: jnp.tril(x) @ jnp.triu(x).T,
    "logsumexp": lambda x: jax.nn.logsumexp(x, axis=0),
    "norm with broadcasting": lambda x: x / jnp.broadcast_to(jnp.linalg.norm(x), x.shape),
}  # fmt: skip


def tagged(operation):
    def fn(x):
        out = pf.tag(operation(pf.tag(jnp.sin(x), "a")), "b")
        return sum(jnp.sum(jnp.tanh(leaf)) for leaf in jax.tree.leaves(out))

    return fn


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_the_influence_is_the_derivative(operation):
    fn = tagged(operation)
    traced = pf.trace(fn, X)
    direction = jnp.asarray(np.random.default_rng(1).normal(size=X.shape))
    result = pf.attribute(traced, (X,), source="x", doi=pf.Point(direction=direction))
    scale = np.abs(result.influences).sum()
    assert scale > 0
    if operation is odd:
        expected = jnp.vdot(jax.grad(fn)(X), direction)
    else:
        expected = jax.jvp(fn, (X,), (direction,))[1]
    assert abs(float(expected) - result.total) <= 1e-10 * scale
    assert result.audit.ok or operation is odd


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_so_it_is_at_several_points_and_examples(operation):
    """The same under the batching of points and examples, which operations may not commute with."""
    fn = tagged(operation)
    traced = pf.trace(fn, X)
    batch = jnp.stack([X, 0.9 * X])
    points = jnp.stack([X, 1.1 * X, 0.8 * X])
    doi = pf.Samples(points, direction=X)
    result = pf.attribute(traced, (batch,), source="x", doi=doi, in_axes=0)
    derivative = jax.grad(fn) if operation is odd else jax.jacfwd(fn)
    expected = np.mean([float(jnp.vdot(derivative(point), X)) for point in points])
    scale = np.abs(result.influences).sum(-1)
    np.testing.assert_array_less(np.abs(result.total - expected), 1e-10 * scale)
