"""`pathflow merge`."""

import pathflow as pf

from ._attribute import print_run
from ._checks import check_rows, in_options
from ._options import Merge
from ._output import log


def run(options: Merge) -> None:
    """Joins shards, and prints the first paths of the run.

    Raises:
        ArgumentError: there are no shards, or an option is outside what is allowed.
        StorageError: shards are missing or unfinished, or do not fit together.
    """
    check_rows(options.rows)
    with in_options():
        found = pf.merge(options.folder, options.shards or None, partial=options.partial)
    log.info("saved in %s", found.folder)
    print_run(found, options)
