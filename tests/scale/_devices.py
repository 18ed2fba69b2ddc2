"""Questions on eight devices that are emulated on the processor, against the same on one.

`python -m tests.scale._devices FOLDER` prints what it found as JSON.
"""

import json
import sys
from pathlib import Path

import jax
import numpy as np

import pathflow as pf
from pathflow.influence.enumeration import _sweep
from pathflow.influence.question import _devices
from tests.scale._asked import ask, content

EXAMPLES = 8
# Examples, points, paths: examples over all, all three, and numbers that divide nothing.
GRIDS = [(8, 1, 1), (2, 2, 2), (1, 3, 2)]
# Whole examples, and stretches of one.
RUNS = [(2**6, (2, 2, 2)), (3, (1, 2, 4))]


def gap(found, expected):
    """The largest difference, relative to the largest influence, and whether all bits agree."""
    scale = np.abs(expected).max()
    same = found.tobytes() == expected.tobytes()
    return {"gap": float(np.abs(found - expected).max() / scale), "same": same}


class Watched:
    """Over how many devices the products of crossings, and all that is placed, are cut."""

    def __init__(self) -> None:
        self.blocks, self.placed = set(), set()
        scatter, put = _sweep.scatter, _devices.Devices._put

        def scatter_and_see(out, blocks):
            self.blocks |= {len(b.influences.sharding.device_set) for b in blocks}
            scatter(out, blocks)

        def put_and_see(devices, array, axes):
            placed = put(devices, array, axes)
            shards = {str(s.index) for s in placed.addressable_shards}
            self.placed.add(len(shards))
            return placed

        from pathflow.influence.enumeration import _enumerate

        _enumerate.scatter = scatter_and_see
        _devices.Devices._put = put_and_see


def in_memory(watched):
    expected = {b: ask(pf.Enumerate(), batched=b, n_examples=EXAMPLES) for b in (True, False)}
    classes = {"gated": ".* gate@2 .*", "late": ".* gate@3 .*"}
    sums = ask(pf.Aggregate(classes, pf.OnGraph()), n_examples=EXAMPLES)
    for grid in GRIDS:
        watched.blocks.clear()
        watched.placed.clear()
        devices, batched = pf.Devices(*grid), grid != GRIDS[-1]
        found = ask(pf.Enumerate(devices=devices), batched=batched, n_examples=EXAMPLES)
        facts = gap(found.influences, expected[batched].influences)
        yield {
            "grid": grid,
            "ok": found.audit.ok,
            **facts,
            "blocks": sorted(watched.blocks),
            "placed": max(watched.placed),
        }
        if grid == (2, 2, 2):
            found = ask(pf.Aggregate(classes, pf.OnGraph(devices=devices)), n_examples=EXAMPLES)
            yield {"grid": grid, "ok": found.audit.ok, **gap(found.amounts, sums.amounts)}


def on_disk(root):
    for number, (block, grid) in enumerate(RUNS):
        one = ask(pf.EnumerateTo(root / f"one-{number}", block), n_examples=EXAMPLES)
        folder, devices = root / f"many-{number}", pf.Devices(*grid)
        many = ask(pf.EnumerateTo(folder, block, devices=devices), n_examples=EXAMPLES)
        before = content(folder)
        (folder / "influences-000001.npy").unlink()
        ask(pf.EnumerateTo(folder, block, devices=devices), n_examples=EXAMPLES)
        parts = root / f"parts-{number}"
        for i in range(2):
            search = pf.EnumerateTo(parts, block, shard=pf.Shard(i, 2), devices=devices)
            ask(search, n_examples=EXAMPLES)
        pf.merge(parts)
        yield {
            "grid": grid,
            "ok": many.audit.ok,
            **gap(many.load().influences, one.load().influences),
            "resumed": content(folder) == before,
            "merged": content(parts) == before,
        }


def refused(root):
    cases = {
        "too many": lambda: pf.Devices(4, 3),
        "examples": lambda: ask(pf.Enumerate(devices=pf.Devices(4))),
        "none": lambda: ask(pf.Enumerate(devices=pf.Devices(2)), batched=False),
        "stretch": lambda: ask(pf.EnumerateTo(root / "new", 3, devices=pf.Devices(2))),
    }
    for name, case in cases.items():
        try:
            case()
        except pf.PathflowError as error:
            yield name, str(error)
    try:
        search = pf.EnumerateTo(root / "many-0", 2**6, devices=pf.Devices(2))
        ask(search, n_examples=EXAMPLES)
    except pf.SettingsChangedError as error:
        yield "changed", str(error)


def main(root: Path) -> None:
    jax.config.update("jax_enable_x64", True)
    found = {
        "devices": len(jax.devices()),
        "in memory": list(in_memory(Watched())),
        "on disk": list(on_disk(root)),
        "refused": dict(refused(root)),
    }
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
