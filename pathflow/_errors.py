"""The named errors of pathflow.

Every refusal is a `PathflowError`, so one `except` catches them all; the subclass says which kind
of thing is wrong. Messages name the argument, what came, and the remedy.
"""


class PathflowError(Exception):
    """Base of every error that pathflow raises on purpose."""


class GraphError(PathflowError, ValueError):
    """A graph, a node or a path is malformed, or does not fit the graph it is used with."""


class UnknownNodeError(GraphError, KeyError):
    """A label names no node of the graph."""

    # KeyError shows the repr of its argument, which would quote and escape a whole sentence.
    def __str__(self) -> str:
        return Exception.__str__(self)


class NoPathError(GraphError):
    """A source cannot reach the target."""


class PatternError(GraphError):
    """A pattern cannot be read, or needs too many states; the message points at the place."""


class PatternWarning(UserWarning):
    """A pattern matches no path of the space it is used on; the message says what stops it."""


class TooManyPathsError(PathflowError):
    """There are more paths than the operation asked for can hold.

    Arguments:
        message: what was refused, and the remedies.
        count: the exact number of paths.
    """

    def __init__(self, message: str, count: int):
        super().__init__(message, count)
        self.count = count

    def __str__(self) -> str:
        return str(self.args[0])


class TraceError(PathflowError):
    """A function cannot be turned into a graph."""


class DecisionChangedError(PathflowError):
    """A branch or a loop length that the graph rests on comes out differently at other inputs."""


class NotDifferentiableError(PathflowError):
    """The influence asked for runs through a value that has no derivative."""


class NonFiniteError(PathflowError):
    """An activation or a derivative is NaN or infinite."""


class ShapeError(PathflowError, ValueError):
    """An array has another shape or dtype than the argument needs."""


class ArgumentError(PathflowError, ValueError):
    """An argument that is no array has a value outside what is allowed."""


class CheckpointError(PathflowError):
    """A checkpoint is missing, damaged, or belongs to another model."""


class MissingDependencyError(PathflowError, ImportError):
    """An optional dependency is needed and not installed."""
