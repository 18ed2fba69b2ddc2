"""What was compiled is kept from test to test, until it is much."""

import jax.numpy as jnp

import pathflow as pf
from pathflow.evaluation import _kernel
from tests.helpers import compiled, forget_many

NEVER = 10**12


def test_what_was_compiled_is_kept_until_it_is_much():
    x = jnp.array([0.3, -1.0, 0.7])
    graph = pf.trace(lambda x: jnp.sin(pf.tag(jnp.tanh(x), "t")).sum(), x)

    def ask():
        return pf.attribute(graph, (x,), source="x", doi=pf.Point())

    first = ask()
    assert not forget_many(NEVER, NEVER)
    with compiled() as times:
        ask()
    assert not times
    for many in ({"maps": 1}, {"pages": 1}):
        assert _kernel.evaluator.cache_info().currsize
        assert forget_many(**({"maps": NEVER, "pages": NEVER} | many))
        assert not _kernel.evaluator.cache_info().currsize
        with compiled() as times:
            again = ask()
        assert times
        assert again.total == first.total
