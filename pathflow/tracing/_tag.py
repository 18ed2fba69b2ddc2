"""The tag primitive: an identity that gives a value a name.

A tag is one equation of a jaxpr. It survives `jit`, `vmap`, `scan`, `cond`, `remat` and the
differentiation transforms, and is lowered to nothing, so that a tagged function runs as fast as an
untagged one.
"""

from typing import Any, TypeVar

import jax
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from pathflow._errors import TraceError
from pathflow.graph import hidden_characters
from pathflow.tracing._candidate import Origin, Tag

_T = TypeVar("_T")

tag_p = Primitive("pathflow_tag")


@tag_p.def_impl
@tag_p.def_abstract_eval
def _identity(x: Any, **_: Any) -> Any:
    return x


def _jvp(primals: Any, tangents: Any, **params: Any) -> Any:
    # The tangent carries no tag: a derivative of a tagged function has the nodes of the function.
    return tag_p.bind(*primals, **params), tangents[0]


def _transpose(cotangent: Any, *_: Any, **__: Any) -> list[Any]:
    return [cotangent]


def _lower(_: Any, x: Any, **__: Any) -> list[Any]:
    return [x]


ad.deflinear2(tag_p, _transpose)
ad.primitive_jvps[tag_p] = _jvp
batching.defvectorized(tag_p)
mlir.register_lowering(tag_p, _lower)

# Characters with a meaning in labels (`name@index`, `name#1`) and in patterns over them.
_RESERVED = frozenset("@#:?*+|&~(){}^$!,;\"'`\\")


def tag(x: _T, name: str) -> _T:
    """Marks a value as a node of the graph that `pathflow.trace` makes; an identity otherwise.

    Arguments:
        x: an array of any shape, or a pytree of arrays: each leaf becomes a node of its own, named
            `name` followed by the leaf's place, as in `state.c` or `pair.0`.
        name: the node's name, as in `lstm0.c`. Inside a loop the iteration is added by
            `pathflow.trace` (`lstm0.c@3`), so the name is the same at every step. A name used again
            gets `#1`, `#2`, ...

    Returns:
        `x`, unchanged.

    Raises:
        TraceError: the name is empty, holds white space, a control or format character, or one
            that is reserved for labels and patterns.

    Example:
        ```python
        hidden = pf.tag(jnp.tanh(w @ x), "hidden")
        ```
    """
    check_name(name, "tag(name)")
    leaves, treedef = jax.tree_util.tree_flatten_with_path(x)
    tagged = [mark(leaf, _leaf_name(name, path), Tag()) for path, leaf in leaves]
    return jax.tree_util.tree_unflatten(treedef, tagged)


def mark(x: Any, name: str, origin: Origin) -> Any:
    """An array, with a name and what gave it the name."""
    return tag_p.bind(x, name=name, origin=origin)


def _leaf_name(name: str, path: tuple) -> str:
    return ".".join([name, *(jax.tree_util.keystr((key,), simple=True) for key in path)])


def check_name(name: Any, argument: str) -> None:
    """Refuses what cannot be a node's name.

    Raises:
        TraceError: the name is no text, is empty, or holds a character with a meaning.
    """
    if not isinstance(name, str) or not name:
        raise TraceError(f"{argument} takes a non-empty string, got {name!r}.")
    bad = sorted({c for c in name if c in _RESERVED or c.isspace()})
    if bad:
        raise TraceError(
            f"{argument}: {name!r} holds {' '.join(map(repr, bad))}, which cannot stand in a name, "
            "because labels and patterns use it; letters, digits, '.', '_', '-', '/' and '[]' can."
        )
    if hidden := hidden_characters(name):
        raise TraceError(
            f"{argument}: {name!r} holds {' '.join(map(ascii, hidden))}, which cannot stand in a "
            "name, because it is not seen; letters, digits, '.', '_', '-', '/' and '[]' can."
        )


def allowed_name(text: str) -> str:
    """The text with `_` for every character that cannot stand in a name."""
    unfit = _RESERVED.union(hidden_characters(text))
    return "".join("_" if c in unfit or c.isspace() else c for c in text)
