"""What a command works on: a question about a graph, made by a function that the command names."""

import contextlib
import importlib
import inspect
import os
import sys
import sysconfig
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar, final

import pathflow as pf
from pathflow._errors import ArgumentError, PathflowError

Result = TypeVar("Result")

_EXAMPLE = "see the example in the documentation of the command line"


@final
@dataclass(frozen=True, eq=False)
class Problem:
    """What `pathflow.attribute` is asked, all but the search, which the command line chooses.

    A function without parameters returns it, and a command names that function as
    `module:function`.

    Arguments:
        graph: what `pathflow.trace` returned.
        args: the function's arguments, as a tuple.
        source: a node's label, or several.
        doi: the distribution of interest.
        target: a scalar node; by default the quantity of interest, or the function's only output.
        qoi: another quantity of the kind that the graph was traced with, in place of that one.
        in_axes: which axis of each argument holds examples; None for one example.

    Raises:
        ArgumentError: `graph` is no traced graph, `args` no tuple, or `doi` no distribution.
        UnknownNodeError: a label names no node.

    Example:
        ```python
        def problem():
            x = jnp.ones(4)
            graph = pf.trace(model, x, qoi=pf.LogitDifference(0, 1))
            return Problem(graph, (x,), source="x", doi=pf.Line(jnp.zeros(4)))
        ```
    """

    graph: "pf.TracedGraph"
    args: tuple[Any, ...]
    source: Any
    doi: "pf.AbstractDoI"
    target: Any = None
    qoi: Any = None
    in_axes: Any = None

    def __post_init__(self) -> None:
        wanted = {
            "graph": (pf.TracedGraph, "what pathflow.trace returns"),
            "args": (tuple, "a tuple with the function's arguments, as in (x,)"),
            "doi": (pf.AbstractDoI, "a distribution such as pathflow.Line(baseline)"),
        }
        for name, (kind, words) in wanted.items():
            value = getattr(self, name)
            if not isinstance(value, kind):
                raise ArgumentError(f"Problem({name}=...) takes {words}, got {_kind(value)}.")
        for label in (*self.sources, self.end):
            self.graph.node(label)

    @property
    def sources(self) -> tuple[Any, ...]:
        """The sources, one or several."""
        return tuple(self.source) if isinstance(self.source, tuple | list) else (self.source,)

    @property
    def end(self) -> Any:
        """The target, or what stands for it where none is named.

        Raises:
            ArgumentError: the traced function returns several values, and none is named.
        """
        end = self.graph.default_target if self.target is None else self.target
        if end is None:
            raise ArgumentError(
                "Problem(target=None): the function returns several values; name one as target, or "
                "trace with qoi=."
            )
        return end

    def attribute(self, search: "pf.AbstractSearch[Result]") -> Result:
        """`pathflow.attribute`, with a search."""
        with _aside():
            return pf.attribute(
                self.graph,
                self.args,
                source=self.source,
                doi=self.doi,
                target=self.target,
                qoi=self.qoi,
                in_axes=self.in_axes,
                search=search,
            )


@contextlib.contextmanager
def _aside() -> Iterator[None]:
    """What the user's own code prints goes to the standard error: the standard output is for
    results, which a program may read.
    """
    # Only here, since a help text needs none of it.
    import jax  # noqa: PLC0415

    with contextlib.redirect_stdout(sys.stderr):
        try:
            yield
        finally:
            # What compiled functions print may be under way.
            jax.effects_barrier()


def load_problem(where: str) -> Problem:
    """What the function returns that a text names.

    Arguments:
        where: `module:function`; the module is looked for in the current folder, too.

    Raises:
        ArgumentError: the text, the module, the function or what it returns is not right; the
            message says which, and what there is.
    """
    module_name, colon, function_name = where.partition(":")
    parts = module_name.split(".")
    if not colon or not all(p.isidentifier() for p in (*parts, function_name)):
        raise ArgumentError(
            f"{where!r} is not of the form MODULE:FUNCTION, as in models.lstm:problem."
            f"{_hint(module_name)}"
        )
    with _aside():
        function = _function(where, _module(where, module_name), function_name)
        found = _called(where, function)
    if not isinstance(found, Problem):
        raise ArgumentError(
            f"{where} returned {_kind(found)}; return a pathflow.cli.Problem(graph, args, source, "
            f"doi), {_EXAMPLE}."
        )
    return found


def _hint(name: str) -> str:
    """What to write for a file that was named as a file."""
    if not name.endswith(".py") and os.sep not in name:
        return ""
    dotted = name.removesuffix(".py").strip("./").replace(os.sep, ".")
    return f" A file is named as a module: {dotted}:FUNCTION."


def _module(where: str, name: str) -> Any:
    folder = str(os.getcwd())  # noqa: PTH109  (an entry of sys.path is a text)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        # A module that is there, but imports one that is not, is another mistake.
        if error.name is None or not (name == error.name or name.startswith(f"{error.name}.")):
            raise _failure(f"{where}: importing {name}", error) from error
        raise ArgumentError(
            f"{where}: there is no module {error.name!r}, neither in {folder} nor installed."
            f"{_hint(name)}"
        ) from error
    except PathflowError:
        raise
    except (Exception, SystemExit) as error:
        raise _failure(f"{where}: importing {name}", error) from error


def _function(where: str, module: Any, name: str) -> Callable[[], Any]:
    function = getattr(module, name, None)
    if function is None:
        own = [
            n
            for n, value in vars(module).items()
            if inspect.isfunction(value) and value.__module__ == module.__name__
        ]
        close = get_close_matches(name, own) or own
        shown = f"it defines {', '.join(close[:5])}" if close else "it defines none"
        raise ArgumentError(f"{where}: the module has no function {name!r}; {shown}.")
    if not callable(function):
        raise ArgumentError(f"{where} is {_kind(function)} and no function.")
    try:
        needed = [
            p.name
            for p in inspect.signature(function).parameters.values()
            if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
        ]
    except (TypeError, ValueError):
        needed = []
    if needed:
        raise ArgumentError(
            f"{where} is called without arguments, and asks for {', '.join(needed)}; write a "
            "function without parameters that gives them."
        )
    return function


def _called(where: str, function: Callable[[], Any]) -> Any:
    try:
        return function()
    except PathflowError:
        raise
    except (Exception, SystemExit) as error:
        raise _failure(where, error) from error


def _failure(what: str, error: BaseException) -> ArgumentError:
    """What went wrong in the user's own code, and in which line of it."""
    said = f"{what} failed: {type(error).__name__}: {error}"
    if isinstance(error, SyntaxError) and error.filename and Path(error.filename).is_file():
        # It was read, and not run: no frame is in it.
        return ArgumentError(
            f"{what} failed: {type(error).__name__}: {error.msg} ({error.filename}:{error.lineno})"
        )
    frames = traceback.extract_tb(error.__traceback__)
    # The last line outside of libraries is where the user looks first.
    own = [f for f in frames if not _of_library(f.filename)]
    last = (own or frames)[-1:]
    return ArgumentError(said + "".join(f" ({f.filename}:{f.lineno})" for f in last))


# This package, where it is not installed among the others.
_OWN = str(Path(pf.__file__).parent)
_LIBRARIES = tuple(
    {f"{folder}{os.sep}" for folder in (_OWN, *map(sysconfig.get_path, ("stdlib", "platstdlib")))}
)


def _of_library(file: str) -> bool:
    return "site-packages" in file or file.startswith(("<frozen", *_LIBRARIES))


def _kind(value: Any) -> str:
    return "None" if value is None else f"a {type(value).__name__}"
