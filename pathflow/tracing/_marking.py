"""Marks a function before it is traced: outputs of modules, gates of cells, outputs of equations.

A module's output is tagged when the module is called. What lies inside (gates, equations) is only
known once JAX has traced the function: each call opens a named scope, by which its equations are
found again, and they are tagged in a second pass.
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from itertools import count
from typing import Any

import jax
import jax.numpy as jnp

from pathflow._compat import traced_afresh
from pathflow._errors import TraceError
from pathflow.tracing._adapter import ModuleCall, adapters, model_of
from pathflow.tracing._candidate import EquationOutput, Gate, ModuleOutput
from pathflow.tracing._insert import Found, Name, Parts, equations, with_marks
from pathflow.tracing._recipe import CellRecipe, recipe_of
from pathflow.tracing._select_nodes import Marks
from pathflow.tracing._sites import Site
from pathflow.tracing._tag import allowed_name, mark

_SCOPE = "pathflow-call-"


class _Traces(threading.local):
    """The traces that are under way in one thread, the innermost last."""

    def __init__(self) -> None:
        self.stack: list["_Calls"] = []


_TRACES = _Traces()
_FRESH = count()


def marked(fn: Callable[..., Any], marks: Marks) -> Callable[..., Any]:
    """The function that computes the same, with further values tagged.

    Raises (when it is called):
        TraceError: a known recurrent cell does not compute its gates as its recipe says.
    """
    if not marks.any:
        return fn

    def call(*args: Any) -> Any:
        leaves, structure = jax.tree_util.tree_flatten(args)
        calls = _Calls(marks, model_of(fn))

        def flat(*leaves: Any) -> Any:
            return fn(*jax.tree_util.tree_unflatten(structure, leaves))

        # A function that was jitted and has run would otherwise be taken as it was traced then,
        # without the modules' calls.
        with ExitStack() as stack, calls.under_way():
            stack.enter_context(traced_afresh(f"trace-{next(_FRESH)}"))
            if marks.methods:
                for adapter in adapters():
                    stack.enter_context(adapter.listening(fn, marks.methods, calls.heard))
            closed, shapes = jax.make_jaxpr(flat, return_shape=True)(*leaves)
        outputs = with_marks(closed, calls.inside(closed))(leaves)
        return jax.tree_util.tree_unflatten(jax.tree_util.tree_structure(shapes), outputs)

    return call


class _Calls:
    """The calls of modules during one trace, in the order in which they began."""

    def __init__(self, marks: Marks, model: type | None) -> None:
        self._marks = marks
        self._model = model
        self._calls: list[ModuleCall] = []
        self._entered = False

    @contextmanager
    def under_way(self) -> Iterator[None]:
        """While active, calls in this thread belong to this trace."""
        _TRACES.stack.append(self)
        try:
            yield
        finally:
            _TRACES.stack.pop()

    def heard(self, call: ModuleCall, run: Callable[[], Any]) -> Any:
        """Runs a call in a scope of its own, and tags what it returns."""
        # A trace within a trace has its own calls.
        if _TRACES.stack[-1] is not self:
            return run()
        itself = call.module is self._model and not call.path and call.method == "__call__"
        if itself and not self._entered:
            self._entered = True
            return run()
        number = len(self._calls)
        self._calls.append(call)
        with jax.named_scope(f"{_SCOPE}{number}"), traced_afresh(f"call-{number}-{id(self)}"):
            result = run()
        return _tagged_result(result, call, inside=self._marks.gates)

    def inside(self, closed: Any) -> Mapping[Site, list[Parts]]:
        """What is marked among the equations: the gates of each call of a cell, or all."""
        marks: dict[Site, list[Parts]] = {}
        cells: dict[tuple[int, Site], list[Found]] = {}
        for found in equations(closed):
            around = [(int(s.removeprefix(_SCOPE)), at) for s, at in found.around if _is_call(s)]
            if self._marks.equations:
                marks.setdefault(found.site, []).append((self._equation(found, around),))
            for number, at in around:
                cells.setdefault((number, at), []).append(found)
        if self._marks.gates:
            for site, parts in self._gates(cells.items()):
                marks.setdefault(site, []).append(parts)
        return marks

    def _gates(
        self, cells: Iterable[tuple[tuple[int, Site], list[Found]]]
    ) -> Iterator[tuple[Site, Parts]]:
        """The gates of every cell. Libraries call a cell more often than it runs, to see shapes, or
        take what does not change out of a loop; what is left of such calls has no gates.
        """
        told: set[tuple[str, type]] = set()
        untold: dict[tuple[str, type], TraceError] = {}
        for (number, _), found in cells:
            call = self._calls[number]
            recipe = recipe_of(call.module, call.method)
            if recipe is None or not recipe.gates:
                continue
            try:
                gates = _gates(call, recipe, found)
            except TraceError as error:
                if any(_makes_gates(f, recipe) for f in found):
                    raise
                untold[call.path, call.module] = error
            else:
                told.add((call.path, call.module))
                yield from gates.items()
        for cell, error in untold.items():
            if cell not in told:
                raise error

    def _equation(self, found: Found, around: list[tuple[int, Site]]) -> Name:
        call = self._calls[around[-1][0]] if around else None
        primitive = _called(found.eqn)
        path, module = ("", None) if call is None else (call.path, call.module)
        name = f"{path}.{primitive}" if path else primitive
        return Name(name, EquationOutput(primitive, path, module))


def _makes_gates(found: Found, recipe: CellRecipe) -> bool:
    """Whether an equation is one that only a cell that runs has: a gate, or what a gate scales."""
    return found.eqn.primitive.name in {"mul", *recipe.expected()}


def _is_call(scope: str) -> bool:
    return scope.startswith(_SCOPE)


def _called(eqn: Any) -> str:
    """The primitive's name; that of the function where one has a derivative rule of its own."""
    inner = eqn.params.get("call_jaxpr") or eqn.params.get("fun_jaxpr")
    info = getattr(getattr(inner, "jaxpr", inner), "debug_info", None)
    name = getattr(info, "func_name", None)
    if eqn.primitive.name.startswith("custom_") and isinstance(name, str) and name.isidentifier():
        return name
    return eqn.primitive.name


def _tagged_result(result: Any, call: ModuleCall, inside: bool) -> Any:
    """What a call returns, tagged.

    Arguments:
        result: what it returns.
        call: the call.
        inside: whether outputs that a cell reads itself are tagged inside it.
    """
    recipe = recipe_of(call.module, call.method)
    # A recipe without gates marks nothing inside its cell.
    left = recipe.read_inside if recipe is not None and recipe.gates and inside else {}
    origin = ModuleOutput(call.path, call.module, call.method, recipe is not None)
    leaves, structure = jax.tree_util.tree_flatten_with_path(result)
    # A cell may return one array twice, as its state and as its output: that is one node.
    known: dict[int, Any] = {}
    tagged = []
    for path, leaf in leaves:
        if id(leaf) not in known:
            place = _place(path, recipe)
            known[id(leaf)] = leaf if place in left else _tagged_leaf(leaf, place, call, origin)
        tagged.append(known[id(leaf)])
    return jax.tree_util.tree_unflatten(structure, tagged)


def _place(path: Any, recipe: CellRecipe | None) -> str:
    place = ".".join(jax.tree_util.keystr((key,), simple=True) for key in path)
    return recipe.outputs.get(place, place) if recipe is not None else place


def _tagged_leaf(leaf: Any, place: str, call: ModuleCall, origin: ModuleOutput) -> Any:
    if not isinstance(leaf, jax.Array) or not jnp.issubdtype(leaf.dtype, jnp.floating):
        return leaf
    method = "" if call.method == "__call__" else call.method
    parts = (call.path or call.module.__name__, method, place)
    return mark(leaf, allowed_name(".".join(filter(None, parts))), origin)


def _gates(call: ModuleCall, recipe: CellRecipe, found: list[Found]) -> Mapping[Site, Parts]:
    by_primitive: dict[str, list[Found]] = {p: [] for p in recipe.expected()}
    for f in found:
        if f.eqn.primitive.name in by_primitive:
            by_primitive[f.eqn.primitive.name].append(f)
    counts = Counter({p: len(those) for p, those in by_primitive.items() if those})
    where = call.path or call.module.__name__
    if counts != recipe.expected():
        raise TraceError(
            f"gates(): the cell {where!r} ({call.module.__name__}) computes {_said(counts)}, where "
            f"{_said(recipe.expected())} were expected to tell its gates; if it was built with "
            "activation functions of its own, put pathflow.tag into them instead."
        )
    marks: dict[Site, Parts] = {}
    for names, primitive in recipe.gates:
        site = by_primitive[primitive].pop(0).site
        marks[site] = tuple(
            Name(f"{where}.{gate}", Gate(call.path, call.module, gate)) for gate in names.split()
        )
    for output, primitive in recipe.read_inside.items():
        # Still an output of the module, though it is tagged before the module returns it.
        origin = ModuleOutput(call.path, call.module, call.method, cell=True)
        others = [f for f in found if f.site not in marks]
        site = _read_last(where, output, primitive, by_primitive.get(primitive, []), others)
        marks[site] = (Name(f"{where}.{output}", origin),)
    return marks


def _read_last(
    cell: str, output: str, primitive: str, readers: list[Found], others: list[Found]
) -> Site:
    """Where the value is made that the last of some equations reads.

    Arguments:
        cell: the cell's path, for the error.
        output: the value's name.
        primitive: of those equations.
        readers: the equations, in the order of execution.
        others: the equations of the call that make no gate.

    Raises:
        TraceError: there is no such equation, or none of the others made what it reads.
    """
    if readers:
        read = readers[-1].eqn.invars[0]
        for f in others:
            if any(read is made for made in f.eqn.outvars):
                return f.site
    raise TraceError(
        f"gates(): the recipe of the cell {cell!r} says that a {primitive} reads its output "
        f"{output!r}, but no such equation (beside those of its gates) reads what the cell "
        "computes; correct read_inside of its pathflow.tracing.CellRecipe."
    )


def _said(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{n} {primitive}" for primitive, n in sorted(counts.items())) or "nothing"
