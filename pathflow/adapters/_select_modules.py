"""Outputs of modules and gates of cells as nodes."""

from dataclasses import dataclass

from pathflow._errors import ArgumentError
from pathflow.tracing import AbstractNodeSelector, Candidate, Gate, Marks, ModuleOutput, matches


@dataclass(frozen=True)
class Modules(AbstractNodeSelector):
    """Outputs of modules whose node name matches a glob, of some classes, by some methods."""

    patterns: tuple[str, ...] = ("*",)
    of: tuple[type, ...] = (object,)
    methods: tuple[str, ...] = ("__call__",)

    @property
    def marks(self) -> Marks:
        return Marks(frozenset(self.methods))

    def name_of(self, value: Candidate) -> str | None:
        origin = value.origin
        if (
            isinstance(origin, ModuleOutput)
            and origin.method in self.methods
            and issubclass(origin.module, self.of)
            and matches(value.name, self.patterns)
        ):
            return value.name
        return None


def modules(
    *patterns: str,
    of: type | tuple[type, ...] = object,
    methods: tuple[str, ...] = ("__call__",),
) -> Modules:
    """The output of every module is a node, named by the module's path in the model.

    Works for flax linen, flax nnx, equinox and haiku. Parts of a path are joined by dots
    (`encoder.layers.0.attn`); a module that is called again gives `d`, `d#1`, ...; inside a scan
    the step is added (`cell@3`). An output with several arrays makes a node of each (`cell.0`,
    `cell.1`; for known recurrent cells `cell.c`, `cell.h`). A model that is called by the traced
    function, and not traced itself, is named by its class.

    Arguments:
        patterns: globs on the node's name; every module by default.
        of: a class, or several: only modules of them.
        methods: which methods' outputs are nodes; those of another method than `__call__` have its
            name behind the path (`vae.encode`).

    Raises:
        ArgumentError: `of` is no class, or a method is no string.

    Example:
        ```python
        graph = pf.trace(model, variables, x, nodes=pf.modules())
        graph = pf.trace(model, variables, x, nodes=pf.modules("blocks.*", of=nn.Dense))
        ```
    """
    classes = of if isinstance(of, tuple) else (of,)
    if not classes or not all(isinstance(c, type) for c in classes):
        raise ArgumentError(f"modules(of=...) takes a class or a tuple of classes, got {of!r}.")
    if isinstance(methods, str) or not all(isinstance(m, str) for m in methods):
        raise ArgumentError(f"modules(methods=...) takes a tuple of method names, got {methods!r}.")
    return Modules(patterns or ("*",), classes, tuple(methods))


@dataclass(frozen=True)
class Gates(AbstractNodeSelector):
    """Gates and outputs of known recurrent cells whose node name matches a glob."""

    patterns: tuple[str, ...] = ("*",)

    @property
    def marks(self) -> Marks:
        return Marks(frozenset({"__call__"}), gates=True)

    def name_of(self, value: Candidate) -> str | None:
        origin = value.origin
        inside = isinstance(origin, Gate) or (isinstance(origin, ModuleOutput) and origin.cell)
        return value.name if inside and matches(value.name, self.patterns) else None


def gates(*patterns: str) -> Gates:
    """The gates and the states of the LSTM and GRU cells of flax, equinox and haiku are nodes.

    An LSTM cell at the path `lstm` has the nodes `lstm.i`, `lstm.f`, `lstm.g`, `lstm.o`, `lstm.c`
    and `lstm.h`; a GRU cell `gru.r`, `gru.z`, `gru.n` and `gru.h`. `pathflow.modules() |
    pathflow.gates()` has the other modules beside them.

    Arguments:
        patterns: globs on the node's name; all by default.

    Example:
        ```python
        graph = pf.trace(model, variables, words, nodes=pf.gates())
        graph.count_paths("words", "output", "words lstm.g lstm.c+ lstm.h output")
        ```

    Sharp edges:
        `trace` raises a TraceError where a cell was built with activation functions of its own, so
        that its gates cannot be told apart.
    """
    return Gates(patterns or ("*",))
