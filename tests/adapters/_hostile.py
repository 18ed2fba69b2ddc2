"""Small models and what hostile ones are asked: the names of their nodes."""

import equinox as eqx
import haiku as hk
import jax
import jax.numpy as jnp
import numpy as np

import pathflow as pf

KEY = jax.random.key(0)
X = np.array([0.3, -0.5, 1.0], np.float32)
LINEAR = eqx.nn.Linear(3, 3, dtype=jnp.float32, key=KEY)
MLP = eqx.nn.MLP(3, 3, 3, 1, dtype=jnp.float32, key=KEY)


def names(fn, *args, nodes=None):
    graph = pf.trace(fn, *(args or (X,)), nodes=pf.modules() if nodes is None else nodes)
    return [node.name for node in graph.nodes]


def haiku_function(fn):
    model = hk.transform(fn)
    params = model.init(KEY, X)
    return lambda x: model.apply(params, None, x)


def linen_function(model, *args, of=lambda y: y.sum()):
    variables = model.init(KEY, *args, X)
    return lambda x: of(model.apply(variables, *args, x))


def calling(model):
    """A function, which is not the model itself."""

    def fn(x):
        return model(x)

    return fn
