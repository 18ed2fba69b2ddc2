"""The named errors of pathflow.

Every refusal is a `PathflowError`, so one `except` catches them all; the subclass says which kind
of thing is wrong. Messages name the argument, what came, and the remedy.
"""

from pathflow._printable import printable

# What an error of others may add to a message: a stranger's file can make it as long as itself.
_LONGEST = 300


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


class ChangingFunctionError(TraceError):
    """A function is another one each time that it is traced."""


class RandomnessWarning(UserWarning):
    """A function draws random numbers that no argument of its own decides."""


class ChangingStateWarning(UserWarning):
    """A model changes its own state when it is called, as in training mode."""


class DecisionChangedError(PathflowError):
    """A branch or a loop length that the graph rests on comes out differently at other inputs."""


class NotDifferentiableError(PathflowError):
    """The influence asked for runs through a value that has no derivative."""


class NonFiniteError(PathflowError):
    """An activation or a derivative is NaN or infinite.

    Arguments:
        message: what is, where it is so first, and the remedies.
        node: the label of the first node whose activation is not finite; None where all are.
        edge: the labels of the ends of the first edge whose local partial is not finite although
            all activations are; None where none is, or it is not known.
        example: the number of the example; None where there is only one, or it is not known.
        point: the number of the point of the distribution of interest; None where the value is the
            same at all points, or it is not known.
    """

    def __init__(
        self,
        message: str,
        *,
        node: str | None = None,
        edge: tuple[str, str] | None = None,
        example: int | None = None,
        point: int | None = None,
    ):
        super().__init__(message)
        self.node, self.edge, self.example, self.point = node, edge, example, point


class ShapeError(PathflowError, ValueError):
    """An array has another shape or dtype than the argument needs."""


class X64DisabledError(ShapeError):
    """Float64 is asked for, and JAX has it turned off."""


class ArgumentError(PathflowError, ValueError):
    """An argument that is no array has a value outside what is allowed."""


class UnknownWordError(ArgumentError, KeyError):
    """A word, or the number of one, is none of the vocabulary's.

    Arguments:
        message: what came, and the remedies.
        word: the first word, or number, that is unknown.
    """

    def __init__(self, message: str, word: str | int):
        super().__init__(message, word)
        self.word = word

    def __str__(self) -> str:
        return str(self.args[0])


class CheckpointError(PathflowError):
    """A checkpoint is missing, damaged, or belongs to another model."""


class StorageError(PathflowError):
    """A run directory cannot be written or read."""


class DamagedRunError(StorageError):
    """A file of a run directory is not what was written, or is none that pathflow writes."""


class MissingBlockError(DamagedRunError):
    """A file that a run directory's manifest counts on is not there."""


class UnfinishedRunError(StorageError):
    """A run directory holds a run that was stopped, and all of it is asked for."""


class SchemaVersionError(StorageError):
    """A run directory has a layout of another version."""


class RunLockedError(StorageError):
    """Another process, or another call, is writing the run directory."""


class RunExistsError(StorageError):
    """There is something already where a run directory is to be made."""


class RunWriteError(StorageError):
    """The system refuses to write, as in a read-only folder."""


class DiskFullError(RunWriteError):
    """There is no room left to write."""


class RunChangedError(StorageError):
    """A run is resumed with something that would give other values than those on disk."""


class ParametersChangedError(RunChangedError):
    """The function's arguments (parameters, inputs), or constants, are not those of the run."""


class SettingsChangedError(RunChangedError):
    """The distribution, an end of the paths, the precision or a version is not that of the run."""


class CodeChangedError(RunChangedError):
    """The function, or its graph, is not that of the run."""


class MissingDependencyError(PathflowError, ImportError):
    """An optional dependency is needed and not installed."""


def told(error: Exception) -> str:
    """An error in a few words, for the message of another one."""
    said = printable(f"{type(error).__name__}: {error}")
    return said if len(said) <= _LONGEST else f"{said[:_LONGEST]}..."
