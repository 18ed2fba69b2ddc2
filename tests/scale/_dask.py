"""A run on the workers of a Dask cluster on this machine, of which one is killed.

`python -m tests.scale._dask FOLDER`
"""

import logging
import sys
from pathlib import Path

import pathflow as pf
from tests.scale._workers import Killed


def main(root: Path) -> None:
    # Slow to import, and not needed by the workers' own modules.
    from distributed import Client, LocalCluster

    with (
        LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            dashboard_address=None,
            silence_logs=logging.CRITICAL,
            local_directory=root / "dask",
        ) as cluster,
        Client(cluster) as client,
    ):
        search = pf.EnumerateTo(root / "run", 3)
        run = pf.run_shards(Killed(1, root / "mark"), search, 3, client.get_executor())
        state = "complete" if run.complete and run.audit.ok else "not complete"
        sys.stdout.write(f"one run, {state}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
