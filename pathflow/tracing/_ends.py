"""The nodes at the ends of a function: its arguments and its outputs."""

import inspect
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from pathflow._compat import called_jaxpr, open_jaxpr, scan_counts
from pathflow._errors import TraceError
from pathflow.graph import Node
from pathflow.tracing._sites import INLINED, TAGS, Site, TagSite

OUTPUT_NAME = "output"


def input_names(
    fn: Callable,
    args: Sequence[Any],
    flat: Sequence[Any],
    offset: int,
    inputs: str | Sequence[str] | None,
    caller: str,
) -> dict[int, str]:
    """The name of each flat argument that is an input node.

    Arguments:
        fn: whose parameters give the names.
        args: its arguments.
        flat: all flat arguments with their paths.
        offset: how many arguments come before those of `fn`.
        inputs: the parameters that are nodes, or the only one; None for those that are one
            floating array.
        caller: who asks, for the error.

    Raises:
        TraceError: `inputs` names no parameter of the function.
    """
    parameters = _parameter_names(fn, len(args))
    wanted = None if inputs is None else _several(inputs)
    unknown = [name for name in wanted or () if name not in parameters]
    if unknown:
        raise TraceError(
            f"{caller}(inputs={wanted}): {unknown} are no parameters of the function, "
            f"which has {parameters}."
        )
    names = {}
    for position, (path, leaf) in enumerate(flat):
        argument = path[0].idx - offset
        if argument < 0 or not jnp.issubdtype(jnp.result_type(leaf), jnp.floating):
            continue
        name = parameters[argument]
        if name in wanted if wanted is not None else len(path) == 1:
            rest = (jax.tree_util.keystr((key,), simple=True) for key in path[1:])
            names[position] = ".".join([name, *rest])
    return names


def _several(inputs: Any) -> list[Any]:
    """The names in a list, where a text is one of them and not its letters."""
    one = isinstance(inputs, str) or not isinstance(inputs, Iterable)
    return [inputs] if one else list(inputs)


def left_out(fn: Callable, args: Sequence[Any], named: Iterable[str]) -> dict[str, str]:
    """Why each parameter that makes no input node makes none, to follow "this argument"."""
    nodes = {name.partition(".")[0] for name in named}
    reasons = {}
    for name, argument in zip(_parameter_names(fn, len(args)), args, strict=True):
        dtypes = dict.fromkeys(map(jnp.result_type, jax.tree.leaves(argument)))
        if name in nodes or not dtypes:
            continue
        if any(jnp.issubdtype(dtype, jnp.floating) for dtype in dtypes):
            reasons[name] = f"makes no node; trace with inputs=[{name!r}] for one of each array"
        else:
            reasons[name] = (
                f"holds {', '.join(map(str, dtypes))}, which has no derivative; choose a value "
                "that is computed from it, such as the embedding of a token, or give floating "
                "numbers"
            )
    return reasons


def _parameter_names(fn: Callable, count: int) -> list[str]:
    """The names of the first `count` positional parameters; `arg0`, `arg1`, ... where there are
    none to read.
    """
    try:
        parameters = list(inspect.signature(fn).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    named = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return [*named, *(f"arg{i}" for i in range(len(named), count))][:count]


def output_nodes(
    jaxpr: Any, shapes: Any, sites: Sequence[TagSite], inputs: Mapping[Node, int]
) -> dict[Node, int]:
    """The function's floating outputs as nodes, with their positions: the tag or the input that an
    output directly is, or a node of its own.
    """
    taken = {*(n.name for n in inputs), *(s.name for s in sites if not s.depth)}
    by_site = {s.site: s for s in sites}
    inner, _ = open_jaxpr(jaxpr)
    by_variable = {inner.invars[i]: node for node, i in inputs.items()}
    outputs: dict[Node, int] = {}
    for i, (path, aval) in enumerate(jax.tree_util.tree_flatten_with_path(shapes)[0]):
        if not jnp.issubdtype(aval.dtype, jnp.floating):
            continue
        found = inner.outvars[i]
        node = None if hasattr(found, "val") else by_variable.get(found)
        node = node or _direct_tag(jaxpr, i, by_site, (), ())
        keys = (jax.tree_util.keystr((k,), simple=True) for k in path)
        own = value_node(_unused(".".join([OUTPUT_NAME, *keys]), taken), (), aval)
        outputs[own if node is None else node] = i
    return outputs


def _direct_tag(
    jaxpr: Any, position: int, sites: Mapping[Site, TagSite], site: Site, at: tuple[int, ...]
) -> Node | None:
    """The tag that an output of the jaxpr is, through calls and the last turn of loops."""
    inner, _ = open_jaxpr(jaxpr)
    made = {v: (i, k) for i, e in enumerate(inner.eqns) for k, v in enumerate(e.outvars)}
    wanted = inner.outvars[position]
    while not hasattr(wanted, "val") and wanted in made:
        number, output = made[wanted]
        eqn, here = inner.eqns[number], (*site, number)
        if here in sites:
            found = sites[here]
            return Node(found.name, at, found.shape, found.dtype)
        if eqn.primitive.name in TAGS:
            wanted = eqn.invars[0]
            continue
        if eqn.primitive.name in INLINED:
            return _direct_tag(called_jaxpr(eqn.params), output, sites, here, at)
        if eqn.primitive.name == "scan" and output < scan_counts(eqn.params)[1]:
            length, reverse = eqn.params["length"], eqn.params["reverse"]
            last = (*at, 0 if reverse else length - 1)
            return _direct_tag(eqn.params["jaxpr"], output, sites, here, last) if length else None
        break
    return None


def _unused(name: str, taken: Collection[str]) -> str:
    """The name, with the first number that makes it one that is not taken."""
    names = (name, *(f"{name}#{k}" for k in range(1, len(taken) + 1)))
    return next(n for n in names if n not in taken)


def value_node(name: str, index: tuple[int, ...], value: Any) -> Node:
    """A node for a value with a shape and a dtype."""
    return Node(name, index, tuple(value.shape), str(value.dtype))
