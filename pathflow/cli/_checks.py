"""What is checked of options before any work, and errors in the words of options."""

import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pathflow as pf
from pathflow.storage import check_new_folder, named_refusals

# What errors call in Python, and what it is here.
_OPTIONS = (
    (r"\w+\(memory=\.\.\.\)", "--memory"),
    (r"EnumerateTo\(folder, shard=Shard\((\d+), (\d+)\)\)", r"`pathflow attribute --shard \1/\2`"),
    (r"merge\(\.\.\., partial=True\)", "--partial"),
    (r"merge\(shards=\.\.\.\)", "giving them after it"),
)
# A setting that a run was begun with, and the option that makes it.
_BEGUN = {"blocks block": "--block", "blocks tile": "--memory"}


def check_rows(rows: int) -> None:
    """Refuses a number of rows below 0.

    Raises:
        ArgumentError: it is.
    """
    if rows < 0:
        raise pf.ArgumentError(f"--rows {rows} takes a number of rows of at least 0.")


def check_new(out: Path | None, *, resumed: bool = False) -> None:
    """Refuses a folder that is there already: a result of hours could not be saved in it.

    Arguments:
        out: the folder.
        resumed: whether the command could go on with what is there.

    Raises:
        RunExistsError: it is there.
        RunWriteError: no folder can be there.
    """
    if out is not None:
        with named_refusals(out):
            try:
                check_new_folder(out)
            except pf.RunExistsError as error:
                if not resumed:
                    raise
                said = f"{error} To go on with a run of blocks that was stopped, add --resume."
                raise pf.RunExistsError(said) from error


def bytes_of(memory: float) -> int:
    """GiB as bytes.

    Raises:
        ArgumentError: it is no number above 0, or not finite.
    """
    if not (memory > 0 and math.isfinite(memory)):
        raise pf.ArgumentError(f"--memory {memory} takes a number of GiB above 0, as in 4.")
    return max(1, int(memory * 2**30))


def shard_of(text: str | None) -> pf.Shard | None:
    """The shard that a text such as 0/8 names.

    Raises:
        ArgumentError: it names none.
    """
    if text is None:
        return None
    found = re.fullmatch(r"([0-9]{1,9})/([0-9]{1,9})", text)
    if found is None or int(found[1]) >= int(found[2]):
        raise pf.ArgumentError(
            f"--shard {text} is no I/N; shards are counted from 0, as in 0/8 for the first of 8, "
            "and 7/8 for the last."
        )
    return pf.Shard(int(found[1]), int(found[2]))


def check_outside(option: str, output: Path, inputs: tuple[Path, ...]) -> None:
    """Refuses to write over what is read, or into it: a folder of a result holds its files alone.

    Arguments:
        option: how the command line calls the output.
        output: a file that is to be written.
        inputs: files and folders that are read.

    Raises:
        ArgumentError: the output is one of them, or in one of them.
    """
    places = [p for p in (output.resolve(), *output.resolve().parents) if p.exists()]
    for folder in inputs:
        if folder.exists() and any(p.samefile(folder) for p in places):
            raise pf.ArgumentError(
                f"{option} {output} would write into {folder}, which is read; give a file "
                "elsewhere."
            )


@contextmanager
def in_options() -> Iterator[None]:
    """Names the option where an error names a parameter of the library.

    Raises:
        ArgumentError: there are too many paths for the memory, or no shards.
        UnfinishedRunError: shards are missing.
        SettingsChangedError: a run was begun with another option.
    """
    try:
        yield
    except (pf.TooManyPathsError, pf.ArgumentError, pf.UnfinishedRunError) as error:
        said = str(error)
        for found, option in _OPTIONS:
            said = re.sub(found, option, said)
        if said == str(error):
            raise
        kind = pf.UnfinishedRunError if isinstance(error, pf.UnfinishedRunError) else None
        raise (kind or pf.ArgumentError)(said) from error
    except pf.SettingsChangedError as error:
        option = next((o for name, o in _BEGUN.items() if f" {name} = " in str(error)), None)
        if option is None:
            raise
        raise pf.SettingsChangedError(f"{error} The option is {option}.") from error
