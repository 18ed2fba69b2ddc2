"""`pathflow convert`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pathflow as pf
from pathflow import exports

from ._checks import check_outside
from ._options import Convert, Format
from ._output import log
from ._saved import opened

_WRITERS: dict[Format, Callable[[Any, Path], None]] = {
    Format.parquet: exports.write_parquet,
    Format.csv: exports.write_csv,
    Format.json: exports.write_json,
    Format.graphml: exports.write_graphml,
}


def run(options: Convert) -> None:
    """Writes a saved result in another format, or a checkpoint of PyTorch as safetensors.

    Raises:
        ArgumentError: the format is not clear or does not fit the input, or the output is in it.
    """
    wanted = _format(options)
    if options.tokens and wanted is not Format.attribution_graph:
        raise pf.ArgumentError("--tokens is for --to attribution-graph.")
    check_outside("OUTPUT", options.output, (options.input,))
    if wanted is Format.safetensors:
        _convert_checkpoint(options)
    else:
        _convert_result(options, wanted)
    log.info("wrote %s", options.output)


def _format(options: Convert) -> Format:
    if options.to is not Format.by_ending:
        return options.to
    ending = options.output.suffix.lower().removeprefix(".")
    known = [f for f in Format if f not in (Format.by_ending, Format.attribution_graph)]
    found = next((f for f in known if f.value == ending), None)
    if found is None:
        raise pf.ArgumentError(
            f"{options.output} has an ending that tells no format; the endings are "
            f"{', '.join(f'.{f.value}' for f in known)}, or give --to."
        )
    return found


def _convert_result(options: Convert, wanted: Format) -> None:
    if options.input.is_file():
        raise pf.ArgumentError(
            f"{options.input} is a file; a result is a folder, and a checkpoint of PyTorch becomes "
            "safetensors only."
        )
    in_blocks = wanted in (Format.parquet, Format.csv, Format.json)
    result = opened(options.input, options.example, blocks=in_blocks)
    if wanted is Format.attribution_graph:
        tokens = options.tokens or None
        name = options.output.stem
        exports.write_attribution_graph(result, options.output, tokens=tokens, slug=name)
    else:
        _WRITERS[wanted](result, options.output)


def _convert_checkpoint(options: Convert) -> None:
    if options.input.is_dir():
        raise pf.ArgumentError(
            f"{options.input} is a folder; safetensors files are made of checkpoints of PyTorch, "
            "which are files."
        )
    # Only here, since the other formats need no model.
    from pathflow.models import convert_torch_file  # noqa: PLC0415

    names = convert_torch_file(options.input, options.output)
    log.info("%d tensors", len(names))
