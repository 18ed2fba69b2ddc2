"""`aggregate`: the influences of classes of paths of a function as it is."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax

from pathflow._errors import PatternWarning
from pathflow._user_warning import warn_user
from pathflow.evaluation import MATMUL_PRECISION
from pathflow.graph import (
    AbstractPartition,
    Automaton,
    Node,
    Pattern,
    Patterns,
    as_partition,
)
from pathflow.influence.aggregation._aggregate import check_sums
from pathflow.influence.aggregation._execution import aggregation
from pathflow.influence.question._audit import audit_of_sums, refined
from pathflow.influence.question._question import Question, make_question
from pathflow.influence.streaming._mixing import automaton_for, make_mixing, nodes_like
from pathflow.influence.streaming._stream import derivative_errors
from pathflow.influence.streaming._streaming import Streaming
from pathflow.interest import AbstractDoI
from pathflow.results import Aggregation, check_names
from pathflow.tracing import AbstractNodeSelector, TracedGraph


def aggregate(
    fn: Callable[..., Any] | TracedGraph,
    args: Sequence[Any],
    partition: AbstractPartition | Mapping[str, Pattern | str],
    *,
    source: Node | str | Sequence[Node | str],
    doi: AbstractDoI,
    target: Node | str | None = None,
    qoi: Any = None,
    in_axes: Any = None,
    nodes: AbstractNodeSelector | None = None,
    inputs: str | Sequence[str] | None = None,
    memory: int = 2**30,
    progress: Any = None,
) -> Aggregation:
    """The exact influence of every class of paths and of the rest, of a function as it is.

    What `pathflow.attribute` gives with `pathflow.Aggregate`, without a graph: nothing is unrolled,
    so that neither the length of a loop nor the number of paths matters, and `jit`,
    `jax.checkpoint`, `vmap` and the arrays' sharding stay what they are. Branches and loops are
    followed at every point as they come.

    Arguments:
        fn: any function of arrays and pytrees, with tagged values; or what `pathflow.trace`
            returned.
        args: its arguments, as a tuple.
        partition: patterns under names, as `{"primary": "x@2 g0 c0 h0 g1 c1+ h1 qoi"}`, or a
            partition such as `pathflow.CountSteps`.
        source: a node's label, or several: then the distribution moves all of them together (a
            tuple of baselines), and edges into a source are cut. Labels are those that
            `pathflow.trace` gives.
        doi: the distribution of interest (Definition 3), such as `pathflow.Line(baseline)`.
        target: a scalar node; by default the quantity of interest, or the function's only output:
            the tag that it directly is, else the node `output`.
        qoi: a quantity of interest (Definition 2), such as `pathflow.LogitDifference` or any
            function, of the output. Its arrays may be one for each example; where they could be
            that or shared, pass a graph that was traced with the quantity of one example.
        in_axes: which axis of each argument holds examples, as in `jax.vmap`; None for one example.
            Arrays of `doi` are per example when they have one axis more than one example needs.
        nodes: which tagged values are nodes; all by default.
        inputs: names of the parameters of `fn` that are nodes; see `pathflow.trace`.
        memory: bytes that activations and tangents may take together, by an estimate; examples and
            points are worked on in tiles that fit.
        progress: called with the fraction done after each tile.

    Returns:
        The influences of the classes, with their audit. The numbers of paths are not known.

    Raises:
        TraceError: no value is tagged; the arguments do not fit the function.
        UnknownNodeError: a label names no node, or one that the function never computes.
        PatternError: a text is no pattern, or the classes need too many states.
        NoPathError: a source does not reach the target.
        NotDifferentiableError: a node holds integers; all ways to the target pass integers or
            `stop_gradient`; JAX cannot differentiate the function.
        ShapeError: the target is no scalar; an array of the arguments or of `doi` has a wrong shape
            or dtype.
        NonFiniteError: an activation or an influence is NaN or infinite.
        DecisionChangedError: at a point of interest a source or the target is never computed.

    Example:
        ```python
        classes = {"primary": "x@0 g0 c0 h0 g1 c1+ h1 qoi", "late": ".* h0@5: .*"}
        result = pf.aggregate(model, (tokens,), classes, source="x@0", doi=doi, qoi=qoi)
        result["primary"] / result.total
        ```

    Source: see `pathflow.Streaming`.
    """
    chosen = as_partition(partition)
    check_names(tuple(chosen.names))
    execution = Streaming(memory, progress)
    with jax.default_matmul_precision(MATMUL_PRECISION), derivative_errors():
        question = make_question(
            fn, args, source, doi, target, qoi, in_axes, nodes, inputs, "aggregate"
        )
        return _aggregated(question, chosen, execution)


def _aggregated(
    question: Question, partition: AbstractPartition, execution: Streaming
) -> Aggregation:
    ends = (question.sources, question.target)
    automaton = automaton_for(partition, question.program, *ends)
    if isinstance(partition, Patterns):
        warn_of_impossible(question, partition, automaton)
    doi, checks = refined(question)
    sums = execution.run(question.with_doi(doi), automaton)
    check_sums(automaton, sums)
    return aggregation(
        automaton,
        sums.values if question.examples is not None else sums.values[0],
        None,
        audit_of_sums(question, sums.values.sum(axis=1), sums.scale, checks, sums.what),
        {**question.metadata(doi, "Streaming"), "partition": repr(partition)},
    )


def warn_of_impossible(question: Question, partition: Patterns, automaton: Automaton) -> None:
    """Warns of each pattern that no sequence of the function's nodes matches.

    Whether one that some sequence matches has a path is not known without a graph.
    """
    program, ends = question.program, (*question.sources, question.target)
    mixing = make_mixing(automaton, program, question.sources, question.target)
    possible = frozenset().union(*(automaton.classes[state] for state in mixing.states))
    for name, pattern in partition.patterns.items():
        if name in possible:
            continue
        steps = Patterns({name: pattern}).steps
        nodes = nodes_like(program, ends, steps)
        missing = [s for s in steps if not any(map(s.matches, nodes))]
        reason = (
            f"no node of the function is like {', '.join(f'`{s}`' for s in missing)}"
            if missing
            else "no sequence of the function's nodes is like it"
        )
        sources = ", ".join(map(str, question.sources))
        warn_user(
            f"class {name!r}: pattern `{pattern}` matches no path from {sources} to "
            f"{question.target}: {reason}. A pattern is for a whole path, both ends included.",
            PatternWarning,
        )
