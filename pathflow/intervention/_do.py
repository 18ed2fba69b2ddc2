"""`do`: what a node holds when others are replaced, found by running the model again."""

from collections.abc import Iterable, Sequence
from typing import Any

import jax

from pathflow._errors import ArgumentError
from pathflow.evaluation import MATMUL_PRECISION, check_concrete
from pathflow.graph import Node
from pathflow.intervention._along import Along, PathsLike, along_paths
from pathflow.intervention._choice import Interventions, as_choice
from pathflow.intervention._clean import Clean
from pathflow.intervention._intervention import AbstractIntervention
from pathflow.intervention._rerun import rerun
from pathflow.tracing import TracedGraph


def do(
    graph: TracedGraph,
    args: Sequence[Any],
    interventions: Interventions,
    *,
    target: Node | str | None = None,
    along: PathsLike | None = None,
    sparing: PathsLike | None = None,
    qoi: Any = None,
    in_axes: Any = None,
) -> jax.Array:
    """The target's value when nodes are replaced and everything after them is computed again.

    No derivative is taken, so the result checks what `pathflow.attribute` says, and holds for
    changes of any size.

    With `along`, only these paths see the replacement: every other way from an intervened node to
    the target carries what it carried before (path patching). A node on some of the paths is
    computed once for each set of ways on from it that differ in what they let through, as if the
    graph were a tree with a branch per path. With `sparing` it is the other way round, and these
    paths alone carry what they carried before.

    Arguments:
        graph: what `pathflow.trace` returned.
        args: the function's arguments, as a tuple.
        interventions: interventions (or arrays) under steps, as `{"c1@2": pathflow.Zero()}`; or
            `pathflow.Ablate(...)`, `pathflow.Keep(...)`.
        target: the node asked about, of any shape; by default the quantity of interest, or the
            function's only output.
        along: paths from intervened nodes to the target: a path or its row in a result, a pattern,
            several paths, or a partition (`pathflow.Listed(...)`), of which all classes count.
        sparing: such paths, which the interventions leave alone.
        qoi: another quantity of the kind that the graph was traced with.
        in_axes: which axis of each argument holds examples, as in `jax.vmap`.

    Returns:
        The value, `(*target.shape)` or `(examples, *target.shape)`.

    Raises:
        ArgumentError: a step matches no node, or two the same one; `along` and `sparing` are both
            given; an argument or an intervention is being traced.
        ShapeError: a replacement or an argument has a wrong shape or dtype.
        NoPathError: no path matches `along` or `sparing`, or an intervened node does not reach the
            target.
        NonFiniteError: an activation is NaN or infinite.
        DecisionChangedError: a branch or loop goes another way under the interventions than in the
            graph.

    Example:
        ```python
        pf.do(graph, (x,), {"c1@2": pf.Zero()})
        pf.do(graph, (x,), {"x": pf.OtherInput((y,))}, along="x g0 c0 .* qoi")
        ```

    Source: J. Pearl, "Causality" (2009); for paths N. Goldowsky-Dill et al., "Localizing model
    behavior with path patching" (2023).
    """
    clean = asked(graph, args, qoi, in_axes, "do")
    return done(clean, interventions, target_of(graph, target, "do"), along, sparing)


def asked(graph: TracedGraph, args: Sequence[Any], qoi: Any, in_axes: Any, caller: str) -> Clean:
    """The values at the arguments that somebody asks about, checked.

    Raises:
        ArgumentError: `graph` is none, or an argument is being traced.
    """
    if not isinstance(graph, TracedGraph):
        raise ArgumentError(
            f"{caller}(graph=...) takes what pathflow.trace returns, got {type(graph).__name__}."
        )
    check_concrete(caller, args=args, qoi=qoi, graph=graph.qoi)
    with jax.default_matmul_precision(MATMUL_PRECISION):
        return Clean(graph, args, qoi, in_axes, caller)


def done(
    clean: Clean,
    interventions: Interventions,
    target: Node,
    along: PathsLike | None = None,
    sparing: PathsLike | None = None,
) -> jax.Array:
    """The target's value under interventions, with an axis of examples where they are asked about;
    see `do`.
    """
    if along is not None and sparing is not None:
        raise ArgumentError("do(along=..., sparing=...): give one of them, or neither.")
    with jax.default_matmul_precision(MATMUL_PRECISION):
        chosen = _chosen(interventions, clean.graph, target, "do")
        if along is not None:
            found = along_paths(clean, chosen, target, Along(along, keeps=False))
        elif sparing is not None:
            found = along_paths(clean, chosen, target, Along(sparing, keeps=True))
        else:
            found = rerun(clean, chosen, (target,))[target]
        return clean.for_each(found).array


def _chosen(
    given: Interventions, graph: TracedGraph, target: Node | None, caller: str
) -> dict[Node, AbstractIntervention]:
    """The nodes and their interventions, none of which is being traced."""
    chosen = as_choice(given, caller).interventions(graph, target)
    # They are no pytrees: what they hold is.
    held = [getattr(by, "__dict__", None) for by in chosen.values()]
    check_concrete(caller, interventions=held)
    return chosen


def activations(
    graph: TracedGraph,
    args: Sequence[Any],
    nodes: Node | str | Sequence[Node | str] | None = None,
    *,
    interventions: Interventions | None = None,
    qoi: Any = None,
    in_axes: Any = None,
) -> dict[Node, jax.Array]:
    """What nodes hold, with or without interventions.

    Arguments:
        graph: what `pathflow.trace` returned.
        args: the function's arguments, as a tuple.
        nodes: labels or nodes, or one of them; all nodes by default.
        interventions: as of `pathflow.do`.
        qoi: another quantity of the kind that the graph was traced with.
        in_axes: which axis of each argument holds examples, as in `jax.vmap`.

    Returns:
        The value of each node, `(*node.shape)` or `(examples, *node.shape)`.

    Raises:
        UnknownNodeError: a label names no node. For others see `pathflow.do`.
    """
    clean = asked(graph, args, qoi, in_axes, "activations")
    if nodes is not None and (isinstance(nodes, Node | str) or not isinstance(nodes, Iterable)):
        nodes = [nodes]
    wanted = tuple(graph.nodes if nodes is None else map(graph.node, nodes))
    with jax.default_matmul_precision(MATMUL_PRECISION):
        given = {} if interventions is None else interventions
        chosen = _chosen(given, graph, None, "activations")
        found = rerun(clean, chosen, wanted)
        return {node: clean.for_each(found[node]).array for node in wanted}


def target_of(graph: TracedGraph, target: Node | str | None, caller: str) -> Node:
    """The node that is asked about.

    Raises:
        ArgumentError: none is named, and the function has several outputs.
        UnknownNodeError: a label names no node.
    """
    found = graph.default_target if target is None else target
    if found is None:
        raise ArgumentError(
            f"{caller}(target=None): the function returns several values; name one as target, or "
            "trace with qoi=."
        )
    return graph.node(found)
