"""`faithfulness`: what a model still does with only the first nodes or paths of a ranking."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from pathflow._described import described
from pathflow._errors import ArgumentError
from pathflow._whole_number import whole_number
from pathflow.evaluation import check_concrete
from pathflow.graph import Listed, Node, Path
from pathflow.intervention._choice import Interventions, Keep, StepsLike
from pathflow.intervention._do import asked, done, target_of
from pathflow.intervention._intervention import AbstractIntervention, Mean
from pathflow.results import Faithfulness, PathInfluence, path_of
from pathflow.tracing import TracedGraph


def faithfulness(
    graph: TracedGraph,
    args: Sequence[Any],
    ranking: Iterable[StepsLike | Path | PathInfluence],
    *,
    instead: AbstractIntervention = Mean(),  # noqa: B008  (immutable)
    sizes: Sequence[int] | None = None,
    among: StepsLike | None = None,
    target: Node | str | None = None,
    qoi: Any = None,
    in_axes: Any = None,
) -> Faithfulness:
    """The target with the first 0, 1, 2, 4, ... entries of a ranking kept.

    Of a ranking of nodes the others are replaced (`pathflow.Keep`). Of a ranking of paths, such as
    `result.top(100)`, the nodes that they begin with are replaced on all other paths
    (`do(..., sparing=...)`).

    Arguments:
        graph: what `pathflow.trace` returned.
        args: the function's arguments, as a tuple.
        ranking: first things first: steps or nodes (several together as a list), or paths, also
            as texts of labels with spaces between.
        instead: what replaced nodes hold.
        sizes: how many entries are kept, ascending; by default 0, the powers of two, and all.
        among: of a ranking of nodes, those that are kept or replaced, as of `pathflow.Keep`.
        target: the node asked about; by default the quantity of interest, or the only output.
        qoi: another quantity of the kind that the graph was traced with.
        in_axes: which axis of each argument holds examples, as in `jax.vmap`.

    Returns:
        The target for every size, with measures of it.

    Raises:
        ArgumentError: the ranking is no list, is empty, or holds paths and nodes; a size is
            outside; `among` is given with paths. For others see `pathflow.do`.

    Example:
        ```python
        curve = pf.faithfulness(graph, (xs,), result.top(64), in_axes=0)
        curve.recovered()
        ```
    """
    if isinstance(ranking, str) or not isinstance(ranking, Iterable):
        raise ArgumentError(
            f"faithfulness(ranking={described(ranking)}) takes several nodes or paths; give a list."
        )
    # One for all sizes: what is replaced, such as means over a data set, is evaluated once.
    clean = asked(graph, args, qoi, in_axes, "faithfulness")
    labels = {str(n) for n in graph.nodes}
    entries = [_entry(e, labels) for e in ranking]
    are_paths = [isinstance(e, Path) for e in entries]
    if not entries or any(are_paths) != all(are_paths):
        raise ArgumentError(
            "faithfulness(ranking=...) takes nodes or paths, at least one and all of one kind."
        )
    kept = _checked_sizes(sizes, len(entries))
    end = target_of(graph, target, "faithfulness")
    check_concrete("faithfulness", instead=getattr(instead, "__dict__", None))

    def ask(interventions: Interventions, **more: Any) -> np.ndarray:
        return np.asarray(done(clean, interventions, end, **more))

    if any(are_paths):
        if among is not None:
            raise ArgumentError("faithfulness(among=...) is of a ranking of nodes, not of paths.")
        keeping = _keeping_paths(entries, instead, ask)
    else:
        keeping = _keeping_nodes(entries, instead, among, ask)
    return Faithfulness(
        sizes=np.asarray(kept),
        kept=np.stack([keeping(size) for size in kept]),
        full=ask({}),
        empty=keeping(0),
        ranking=tuple(map(_text, entries)),
        batched=in_axes is not None,
    )


def _entry(given: Any, labels: set[str]) -> Any:
    """What the ranking holds, with a path's text read: several labels of nodes and nothing else."""
    found = path_of(given)
    if not isinstance(found, str):
        return found
    words = found.split()
    return Path.parse(found) if len(words) > 1 and labels.issuperset(words) else found


def _keeping_paths(
    paths: Sequence[Any], instead: AbstractIntervention, ask: Callable[..., np.ndarray]
) -> Callable[[int], np.ndarray]:
    replaced = {path[0]: instead for path in paths}

    def keeping(size: int) -> np.ndarray:
        return ask(replaced, sparing=Listed(paths[:size])) if size else ask(replaced)

    return keeping


def _keeping_nodes(
    steps: Sequence[Any],
    instead: AbstractIntervention,
    among: StepsLike | None,
    ask: Callable[..., np.ndarray],
) -> Callable[[int], np.ndarray]:
    groups = [[s] if isinstance(s, str) or not isinstance(s, Iterable) else list(s) for s in steps]

    def keeping(size: int) -> np.ndarray:
        kept = [step for group in groups[:size] for step in group]
        return ask(Keep(kept, among=among, instead=instead))

    return keeping


def _checked_sizes(sizes: Sequence[int] | None, n: int) -> list[int]:
    if sizes is None:
        return [0, *(2**k for k in range(n.bit_length()) if 2**k < n), n]
    given = list(sizes) if isinstance(sizes, Iterable) else []
    found = [n for n in map(whole_number, given) if n is not None]
    ascending = found == sorted(set(found)) and len(found) == len(given)
    if not found or not ascending or found[0] < 0 or found[-1] > n:
        raise ArgumentError(
            f"faithfulness(sizes={described(sizes)}) takes a list of ascending numbers "
            f"from 0 to {n}, the length of the ranking."
        )
    return found


def _text(entry: Any) -> str:
    if isinstance(entry, str | Path | Node) or not isinstance(entry, Iterable):
        return str(entry)
    return " + ".join(map(str, entry))
