"""The names of a function's tags, read off its jaxpr without running it.

A tag that stands at several places is numbered in the order of execution, among the places at the
same depth of loops. Branches of one `cond` are alternatives: each begins with the numbers that the
others begin with, so a name does not depend on which branch is taken.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from pathflow._compat import called_jaxpr, open_jaxpr, sub_jaxprs
from pathflow._user_warning import warn_user
from pathflow.graph import Node
from pathflow.tracing._candidate import Candidate, Origin, Tag

# Where an equation stands: its position in its jaxpr, after those of the equations around it, with
# the number of the branch after a `cond`, and 0 (condition) or 1 (body) after a `while`.
Site = tuple[int, ...]

TAGS = frozenset({"pathflow_tag", "name"})
INLINED = frozenset(
    {
        "call",
        "checkpoint",
        "closed_call",
        "core_call",
        "core_closed_call",
        "eval_jaxpr",
        "jit",
        "pjit",
        "remat",
        "remat2",
    }
)
# The node of the quantity of interest, and the name of its tag, which no user's tag can have.
QOI_NAME, QUANTITY = "qoi", "?qoi"


@dataclass(frozen=True)
class TagSite:
    """One place in the program where a value is tagged.

    Arguments:
        site: the place.
        name: the name that its nodes bear.
        lengths: for each loop around it, outermost first, how often it runs; None where only the
            values tell.
        shape: of the tagged value.
        dtype: of the tagged value, by name.
        origin: what gave it its name.
    """

    site: Site
    name: str
    lengths: tuple[int | None, ...]
    shape: tuple[int, ...]
    dtype: str
    origin: Origin

    @property
    def depth(self) -> int:
        """How many loops are around it, the length of its nodes' indices."""
        return len(self.lengths)

    def makes(self, node: Node) -> bool:
        """Whether the node is one of the tag's; outside and inside loops a name is free twice."""
        return node.name == self.name and len(node.index) == self.depth


def tag_sites(
    jaxpr: Any, name_of: Callable[[Candidate], str | None], reserved: Iterable[str]
) -> tuple[TagSite, ...]:
    """Every tag that makes nodes, in the order of execution.

    Arguments:
        jaxpr: the function.
        name_of: the name of the nodes that a tag makes, or None where it makes none.
        reserved: names outside loops that are taken.
    """
    walk = _Walk(name_of)
    walk.visit(jaxpr, (), (), Counter({(0, name): 1 for name in reserved}))
    return tuple(walk.sites)


class TagFinder:
    """Tells whether an equation holds tags."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[bool, Any]] = {}

    def __call__(self, eqn: Any) -> bool:
        return any(map(self._tagged, sub_jaxprs(eqn.params)))

    def _tagged(self, jaxpr: Any) -> bool:
        known = self._known.get(id(jaxpr))
        if known is None:
            # The jaxpr is kept beside the answer, so that its id is not given to another.
            found = any(e.primitive.name in TAGS or self(e) for e in jaxpr.eqns)
            known = self._known[id(jaxpr)] = (found, jaxpr)
        return known[0]


_Counts = Counter[tuple[int, str]]


class _Walk:
    """Goes through a jaxpr once."""

    def __init__(self, name_of: Callable[[Candidate], str | None]) -> None:
        self.sites: list[TagSite] = []
        self._name_of = name_of
        self._holds_tags = TagFinder()

    def visit(
        self, jaxpr: Any, site: Site, lengths: tuple[int | None, ...], counts: _Counts
    ) -> None:
        """Appends the jaxpr's tags; `counts` says how often a name was met at a depth, and goes
        on.
        """
        for position, eqn in enumerate(open_jaxpr(jaxpr)[0].eqns):
            here, name, params = (*site, position), eqn.primitive.name, eqn.params
            if name in TAGS:
                self._tag(eqn, here, lengths, counts)
            elif name in INLINED:
                self.visit(called_jaxpr(params), here, lengths, counts)
            elif not self._holds_tags(eqn):
                continue
            elif name == "scan":
                # A loop that never runs makes no node.
                if params["length"]:
                    self.visit(params["jaxpr"], here, (*lengths, params["length"]), counts)
            elif name == "while":
                for number, part in enumerate(("cond_jaxpr", "body_jaxpr")):
                    self.visit(params[part], (*here, number), (*lengths, None), counts)
            elif name == "cond":
                self._branches(params["branches"], here, lengths, counts)
            else:
                warn_user(
                    f"{name} holds tags, but its derivative rule is kept whole, so they make no "
                    "nodes; tag its inputs and outputs instead.",
                    UserWarning,
                )

    def _branches(
        self, branches: Iterable[Any], site: Site, lengths: tuple[int | None, ...], counts: _Counts
    ) -> None:
        before = counts.copy()
        for number, branch in enumerate(branches):
            inside = before.copy()
            self.visit(branch, (*site, number), lengths, inside)
            counts |= inside

    def _tag(self, eqn: Any, site: Site, lengths: tuple[int | None, ...], counts: _Counts) -> None:
        given, origin = str(eqn.params["name"]), eqn.params.get("origin") or Tag()
        aval = eqn.outvars[0].aval
        shape, dtype = tuple(aval.shape), str(aval.dtype)
        if given == QUANTITY:
            self.sites.append(TagSite(site, QOI_NAME, lengths, shape, dtype, origin))
            return
        name = self._name_of(Candidate(given, origin, shape, dtype))
        if name is None:
            return
        number = counts[len(lengths), name]
        counts[len(lengths), name] += 1
        name = f"{name}#{number}" if number else name
        self.sites.append(TagSite(site, name, lengths, shape, dtype, origin))
