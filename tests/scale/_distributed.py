"""One of several processes that know each other by `jax.distributed`, each with its shard.

`python -m tests.scale._distributed FOLDER ADDRESS PROCESSES INDEX`; the first one joins the shards.
"""

import sys

import jax
from jax.experimental import multihost_utils

import pathflow as pf
from tests.scale._asked import ask


def main(folder: str, address: str, processes: str, index: str) -> None:
    jax.config.update("jax_enable_x64", True)
    jax.distributed.initialize(address, int(processes), int(index))
    shard = pf.Shard(jax.process_index(), jax.process_count())
    run = ask(pf.EnumerateTo(folder, 3, shard=shard))
    sys.stdout.write(f"{jax.device_count()} {jax.local_device_count()} {run.n_blocks}\n")
    multihost_utils.sync_global_devices("written")
    if not shard.index:
        pf.merge(folder)
    # Nobody leaves before the first is done, or it would miss the others.
    multihost_utils.sync_global_devices("joined")


if __name__ == "__main__":
    main(*sys.argv[1:])
