"""The commands and their options, as frozen dataclasses. Importing them imports no JAX.

What a command was asked is stored with its result, under `command` in the metadata.
"""

from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

from tyro.conf import OmitArgPrefixes, Positional, arg

_PROBLEM = arg(
    metavar="MODULE:FUNCTION",
    help="A function without parameters that returns a pathflow.cli.Problem; its module is looked "
    "for in the current folder, too.",
)
_RESULT = arg(
    metavar="RESULT", help="The folder that `attribute --out` or a result's `save` wrote."
)
_OUT = arg(metavar="FOLDER", help="Save the result in this folder, which must not exist.")
_ROWS = arg(metavar="N", help="How many rows are shown.")
_MEMORY = arg(metavar="GIB", help="For the influences and what they are made of.")
_JSON = arg(help="Print one JSON object instead of text.")


class By(Enum):
    """An order of paths."""

    magnitude = "magnitude"
    largest = "largest"
    smallest = "smallest"


class Format(Enum):
    """What `convert` writes."""

    by_ending = "by-ending"
    parquet = "parquet"
    csv = "csv"
    json = "json"
    graphml = "graphml"
    attribution_graph = "attribution-graph"
    safetensors = "safetensors"


@dataclass(frozen=True, kw_only=True)
class Options:
    """What every command has."""

    debug: Annotated[bool, arg(help="Show where an error comes from.")] = False
    quiet: Annotated[bool, arg(help="No progress and no notes, only results and errors.")] = False

    def stored(self) -> dict[str, Any]:
        """What is kept with a result, in plain JSON."""
        plain = {k: _plain(v) for k, v in asdict(self).items() if k not in ("debug", "quiet")}
        return {"name": type(self).__name__.lower(), **plain}


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple):
        return [_plain(v) for v in value]
    return str(value) if isinstance(value, Path) else value


@dataclass(frozen=True, kw_only=True)
class ProblemOptions(Options):
    """What a command has that works on a problem."""

    problem: Annotated[Positional[str], _PROBLEM]
    x64: Annotated[
        bool, arg(help="Let JAX have float64, before the problem is made. (JAX_ENABLE_X64)")
    ] = False


@dataclass(frozen=True, kw_only=True)
class Trace(ProblemOptions):
    """Describe the graph of a problem: its nodes, edges, and numbers of paths.

    Example: pathflow trace models:problem --pattern ".* c1+ h1 qoi"
    """

    pattern: Annotated[
        str | None, arg(metavar="PATTERN", help="Count the paths that it matches, too.")
    ] = None
    rows: Annotated[int, _ROWS] = 40
    json: Annotated[bool, _JSON] = False


@dataclass(frozen=True, kw_only=True)
class Attribute(ProblemOptions):
    """Compute the influences of the paths of a problem: all, the first, or those above a threshold.

    Example: pathflow attribute models:problem --top 20 --out runs/first
    """

    top: Annotated[
        int | None, arg(metavar="K", help="Find the K first paths, whatever their number.")
    ] = None
    above: Annotated[
        float | None, arg(metavar="X", help="Find every path that reaches the threshold.")
    ] = None
    by: Annotated[By, arg(help="The order of paths.")] = By.magnitude
    pattern: Annotated[
        str | None,
        arg(metavar="PATTERN", help="With --top or --above, choose from the paths it matches."),
    ] = None
    memory: Annotated[float, _MEMORY] = 1.0
    rows: Annotated[int, _ROWS] = 10
    out: Annotated[Path | None, _OUT] = None
    resume: Annotated[
        bool,
        arg(
            help="Of all paths, write --out block by block, and go on with what it holds: a call "
            "that was stopped or killed loses no more than a block."
        ),
    ] = False
    shard: Annotated[
        str | None,
        arg(
            metavar="I/N",
            help="Write one of N parts of the blocks, in a folder in --out; the first is 0/N. "
            "`pathflow merge` joins them.",
        ),
    ] = None
    block: Annotated[
        int | None,
        arg(metavar="K", help="With --resume or --shard, how many influences a block holds."),
    ] = None
    json: Annotated[bool, _JSON] = False


@dataclass(frozen=True, kw_only=True)
class Merge(Options):
    """Join the shards that `attribute --shard` wrote, to the bits of one call without it.

    Example: pathflow merge runs/all
    """

    folder: Annotated[
        Positional[Path], arg(metavar="FOLDER", help="The folder that was --out of the shards.")
    ]
    shards: Annotated[
        Positional[tuple[Path, ...]],
        arg(metavar="SHARD", help="The folders of the shards, where they are not in it."),
    ] = ()
    partial: Annotated[
        bool, arg(help="Join what there is; `attribute --resume` goes on with it.")
    ] = False
    by: Annotated[By, arg(help="The order of paths.")] = By.magnitude
    rows: Annotated[int, _ROWS] = 10
    json: Annotated[bool, _JSON] = False


@dataclass(frozen=True, kw_only=True)
class Aggregate(ProblemOptions):
    """Compute exact sums over classes of paths, whatever their number, and over the rest.

    Example: pathflow aggregate models:problem "memory=.* c1+ h1 qoi" "gate=.* g1 .*"
    """

    classes: Annotated[
        Positional[tuple[str, ...]],
        arg(metavar="NAME=PATTERN", help="A class of paths, by a pattern over their nodes."),
    ]
    memory: Annotated[float, _MEMORY] = 1.0
    out: Annotated[Path | None, _OUT] = None
    json: Annotated[bool, _JSON] = False


@dataclass(frozen=True, kw_only=True)
class Top(Options):
    """List the first paths, classes, nodes and edges, or parts of a saved result.

    Example: pathflow top runs/first -n 5 --by largest
    """

    result: Annotated[Positional[Path], _RESULT]
    rows: Annotated[int, arg(metavar="N", aliases=["-n"], help="How many rows are shown.")] = 10
    by: Annotated[By, arg(help="The order.")] = By.magnitude
    example: Annotated[
        int | None, arg(metavar="I", help="One example of a batch; by default their mean.")
    ] = None
    json: Annotated[bool, _JSON] = False


@dataclass(frozen=True, kw_only=True)
class View(Options):
    """Make an interactive page of saved results, one file without links, and open it.

    Several results become conditions that the page switches between.

    Example: pathflow view runs/singular runs/plural --out flow.html
    """

    results: Annotated[Positional[tuple[Path, ...]], _RESULT]
    out: Annotated[
        Path | None, arg(metavar="FILE", help="The page; by default named after the first result.")
    ] = None
    title: Annotated[str, arg(metavar="TEXT", help="The title of the page.")] = "Influence paths"
    open: Annotated[bool, arg(help="Open the page in a browser.")] = True


@dataclass(frozen=True, kw_only=True)
class Convert(Options):
    """Write a saved result in another format, or a PyTorch checkpoint as safetensors.

    The format follows from the ending of OUTPUT: .parquet, .csv, .json, .graphml, .safetensors. Of
    a checkpoint nothing is run, and PyTorch is not needed.

    Example: pathflow convert runs/first paths.parquet
    """

    input: Annotated[
        Positional[Path], arg(metavar="INPUT", help="The folder of a result, or a file of PyTorch.")
    ]
    output: Annotated[Positional[Path], arg(metavar="OUTPUT", help="The file to write.")]
    to: Annotated[
        Format,
        arg(
            help="The format, where the ending does not say it; attribution-graph is the JSON that "
            "viewers of attribution graphs read."
        ),
    ] = Format.by_ending
    example: Annotated[
        int | None, arg(metavar="I", help="One example of a batch; by default all of them.")
    ] = None
    tokens: Annotated[
        tuple[str, ...],
        arg(metavar="TOKEN", help="For attribution-graph: what stands at each step of the loop."),
    ] = ()


@dataclass(frozen=True, kw_only=True)
class Agreement(Options):
    """Run the study of number agreement, or one of its parts; needs the repository.

    All arguments are the study's own: see `pathflow agreement --help`, and that of its parts, as in
    `pathflow agreement train --help`.
    """

    arguments: Annotated[Positional[tuple[str, ...]], arg(metavar="ARGUMENT", help="Of the study.")]


Command = OmitArgPrefixes[Trace | Attribute | Merge | Aggregate | Top | View | Convert | Agreement]
