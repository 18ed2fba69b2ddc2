"""The traced function itself, with some nodes' values replaced: no unrolling, no contraction, loops
stay loops.

Its derivative with respect to the replaced values is the total that the influences of all paths
must add up to. With a mixer at its tags, which `_lanes.py` gives, the same derivative tells the
paths' classes apart.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from pathflow.graph import Node
from pathflow.tracing._program import Program
from pathflow.tracing._sites import Site
from pathflow.tracing._split import Place, place_at
from pathflow.tracing._visit import Handler, TagVisitor, Visit

Mixer = Callable[[Visit], Any]


class Substitution:
    """The target's value as a function of the arguments and of the sources' values.

    At a tag the value is first kept if it is the target, then handed to the tag's mixer, then
    replaced if it is a source.

    Arguments:
        program: the function.
        sources: the nodes whose values are replaced.
        target: the node whose value is wanted.
        mixers: for some tags, what stands in for the tagged value after them.

    Attributes:
        tracked: the nodes of which it is counted how often they were computed: the sources and the
            target, as far as they are tags.
    """

    def __init__(
        self,
        program: Program,
        sources: Sequence[Node],
        target: Node,
        mixers: Mapping[Site, Mixer] | None = None,
    ) -> None:
        self._jaxpr = program.jaxpr
        self._inputs = [program.inputs.get(s) for s in sources]
        inner = [s for s, at in zip(sources, self._inputs, strict=True) if at is None]
        kept = any(place_at(target, s, program.splits) for s in program.sites)
        self._output = None if kept else program.outputs[target]
        self._start = jnp.zeros(target.shape, target.dtype) if kept else None
        self.tracked = (*inner, target) if kept else tuple(inner)
        mixers = mixers or {}
        handlers: dict[Site, tuple[dict[Node, Place], Mixer | None]] = {}
        for site in program.sites:
            places = {n: place_at(n, site, program.splits) for n in self.tracked}
            made = {n: place for n, place in places.items() if place is not None}
            if made or site.site in mixers:
                handlers[site.site] = (made, mixers.get(site.site))
        self._handlers, self._target = handlers, target

    def __call__(
        self,
        args: Sequence[Any],
        constants: Sequence[Any],
        values: Sequence[Any],
        given: Mapping[Site, Any] | None = None,
    ) -> tuple[Any, Any]:
        """The target's value, and how often each tracked node was computed.

        Arguments:
            args: the flat arguments.
            constants: the arrays that the function closes over.
            values: what replaces the value of each source.
            given: for some tags, an array with an axis per loop; see `TagVisitor.run`.
        """
        arguments, replaced = list(args), {}
        inner = iter(self.tracked)
        for position, value in zip(self._inputs, values, strict=True):
            if position is None:
                replaced[next(inner)] = value
            else:
                arguments[position] = value
        visitor = TagVisitor(
            {s: self._handler(n, mixer, replaced) for s, (n, mixer) in self._handlers.items()}
        )
        state = (self._start, jnp.zeros(len(self.tracked), jnp.int32))
        with jax.named_scope("pathflow_substitution"):
            out, (kept, met) = visitor.run(self._jaxpr, arguments, state, given, constants)
        return kept if self._output is None else out[self._output], met

    def _handler(
        self, places: Mapping[Node, Place], mixer: Mixer | None, replaced: Mapping[Node, Any]
    ) -> Handler:
        def handle(visit: Visit, state: Any) -> Any:
            (kept, met), value = state, visit.value
            after = value if mixer is None else mixer(visit)
            for node, place in places.items():
                here = _all_equal(visit.at, node.index)
                met = met.at[self.tracked.index(node)].add(jnp.asarray(here, met.dtype))
                if node in replaced:
                    after = _where(here, place.replaced(after, replaced[node]), after)
                else:
                    kept = _where(here, place.taken(value, node), kept)
            return after, (kept, met)

        return handle


def _all_equal(at: Sequence[Any], index: Sequence[int]) -> Any:
    """Whether the iterations are those of the index; True, and no array, outside loops."""
    equal: Any = True
    for step, wanted in zip(at, index, strict=True):
        equal = equal & (step == wanted)
    return equal


def _where(condition: Any, value: Any, other: Any) -> Any:
    return value if condition is True else jnp.where(condition, value, other)
