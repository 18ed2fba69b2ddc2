"""Random numbers that a function draws by JAX, and what decides them.

A JAX function draws the same numbers from the same key. From a key that is an argument of its own,
or that stands in an argument of dicts, lists and tuples alone, the caller has chosen the draw. From
any other key (made in the function, closed over, a part of a model or of its state, whose classes
are a library's) the draw is most likely a dropout that was left on.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from pathflow._compat import open_jaxpr, scopes
from pathflow._errors import RandomnessWarning
from pathflow._user_warning import warn_user
from pathflow.tracing._flows import equation_flows, inner_inputs

_DRAWS = frozenset({"random_bits", "rng_bit_generator", "rng_uniform", "threefry2x32"})


def chosen_inputs(args: Sequence[Any]) -> list[int]:
    """The positions, among the flat arguments, of those that the caller has chosen.

    Arguments:
        args: arrays and pytrees. An array by itself is chosen; in a pytree, a random key (typed, or
            uint32 with two numbers each) to which only dicts, lists and tuples lead.
    """
    flat = jax.tree_util.tree_flatten_with_path(tuple(args))[0]
    return [
        i
        for i, (path, leaf) in enumerate(flat)
        if len(path) == 1 or (_is_key(leaf) and _in_plain_containers(args, path))
    ]


def _is_key(leaf: Any) -> bool:
    dtype = jnp.result_type(leaf)
    shape = jnp.shape(leaf)
    return jnp.issubdtype(dtype, jax.dtypes.prng_key) or (dtype == "uint32" and shape[-1:] == (2,))


def _in_plain_containers(args: Sequence[Any], path: Any) -> bool:
    at: Any = args
    for key in path:
        if not isinstance(at, dict | list | tuple):
            return False
        if hasattr(key, "name"):  # of a named tuple
            at = getattr(at, key.name)
        else:
            at = at[key.idx if hasattr(key, "idx") else key.key]
    return True


def warn_of_draws(jaxpr: Any, chosen: Collection[int], caller: str) -> None:
    """Warns of random numbers on the way to the outputs, if no argument of its own decides them.

    Arguments:
        jaxpr: a function of flat arguments.
        chosen: the positions of the inputs that are arguments of their own.
        caller: who traced it, for the message.
    """
    found = next(_draws(jaxpr, chosen), None)
    if found is None:
        return
    around = "/".join(scopes(found))
    warn_user(
        f"{caller}(fn): the function draws random numbers ({found.primitive.name}"
        f"{f' in {around}' if around else ''}) from a key that is no argument of its own, so every "
        "example and every point of interest has the same draw. If it is a dropout, put the model "
        "in evaluation mode (model.eval(), deterministic=True); otherwise pass the key as an "
        "argument, which says that this draw is meant, or draw it outside and close over the "
        "numbers (fixed random features).",
        RandomnessWarning,
    )


def _draws(jaxpr: Any, chosen: Collection[int]) -> Iterator[Any]:
    """The equations that draw numbers which an output depends on, by no chosen input."""
    inner, _ = open_jaxpr(jaxpr)
    decided = {v for i, v in enumerate(inner.invars) if i in chosen}
    reads: dict[Any, list[bool]] = {}
    feeds: dict[Any, list[Any]] = {}
    for number, eqn in enumerate(inner.eqns):
        variables = [None if hasattr(v, "val") else v for v in eqn.invars]
        reads[number] = [v is not None and v in decided for v in variables]
        flows = equation_flows(
            eqn.primitive.name, eqn.params, len(variables), len(eqn.outvars), values=True
        )
        for var, inputs in zip(eqn.outvars, flows, strict=True):
            feeds[var] = [variables[i] for i in inputs if variables[i] is not None]
            if any(reads[number][i] for i in inputs):
                decided.add(var)
    wanted: set[Any] = set()
    pending = [v for v in inner.outvars if not hasattr(v, "val")]
    while pending:
        var = pending.pop()
        if var not in wanted:
            wanted.add(var)
            pending.extend(feeds.get(var, ()))
    for number, eqn in enumerate(inner.eqns):
        if not wanted.intersection(eqn.outvars):
            continue
        if eqn.primitive.name in _DRAWS and not any(reads[number]):
            yield eqn
        for inside, positions in inner_inputs(eqn, reads[number]):
            yield from _draws(inside, positions)
