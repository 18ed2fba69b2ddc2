"""How the shipped model tells two digits apart: `python -m examples.digits_cnn`."""

import argparse
import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import pathflow as pf
from examples.ablation import AgainstAll
from examples.digits_cnn.figure import draw
from examples.digits_cnn.measure import (
    BY_BLOCK,
    BY_CHANNEL,
    N_CHANNELS,
    Contrast,
    channel_influences,
    contrast,
    influences,
    margins,
    swapped,
    traced,
)
from examples.digits_cnn.train import accuracy, new_model, shipped
from pathflow.models import CNN

_UNTRAINED = 100


def route(path: pf.Path) -> str:
    """Which residual blocks a path goes through."""
    through = [str(stage) for stage in (0, 1) if f"branch{stage}.0" in str(path)]
    if not through:
        return "beside both blocks"
    return "through both blocks" if len(through) == 2 else f"through block {through[0]} alone"


def block_shares(model: CNN, asked: Contrast) -> dict[str, float]:
    """The share of the total that each route carries, the largest first; prints them."""
    graph = traced(model, BY_BLOCK)
    result = influences(graph, asked)
    total = float(np.mean(result.total))
    worst = float(np.max(result.audit.structural))
    print(f"  total {total:+.2f}, largest structural residual {worst:.0e}")
    print(f"  {'':24} influence   share  margin if swapped  margin if all else is")
    swap = {"x": asked.swap}
    for row in (rows := result.top(4)):
        without = margins(graph, asked, swap, along=row.path).mean()
        alone = margins(graph, asked, swap, sparing=row.path).mean()
        share = row.influence / total
        print(
            f"  {route(row.path):24} {row.influence:+9.3f}  {share:6.1%}  {without:+17.2f}"
            f"  {alone:+21.2f}"
        )
    return {route(row.path): row.influence / total for row in rows}


def swap_channels(model: CNN, asked: Contrast, largest: int) -> list[AgainstAll]:
    """What swapping the first channels does, one to so many, against every other set."""
    graph = traced(model, BY_CHANNEL)
    by = channel_influences(influences(graph, asked))
    return [swapped(graph, asked, by, size) for size in range(1, largest + 1)]


def _channels(model: CNN, asked: Contrast) -> list[AgainstAll]:
    graph = traced(model, BY_CHANNEL)
    result = influences(graph, asked)
    by, total = channel_influences(result), float(np.mean(result.total))
    print(f"\n{result.space.count} paths by channels of pool0 and pool1; the first:")
    for row in result.top(5, by=pf.Largest()):
        print(f"  {row.influence:+.3f}  {row.influence / total:5.1%}  {row.path}")
    print("\nchannel   influence   share  margin if swapped")
    for channel in np.argsort(-by):
        swap = {f"pool0[{channel}]": asked.swap}
        left = margins(graph, asked, swap).mean()
        print(f"pool0[{channel}]  {by[channel]:+9.3f}  {by[channel] / total:6.1%}  {left:+17.2f}")
    print("\nswapped channels    margin  right   rank of all sets  mean of all: margin  right")
    swaps = swap_channels(model, asked, N_CHANNELS)
    for swap in swaps[:5]:
        print(
            f"{' '.join(map(str, swap.chosen)):18} {swap.left.mean():+7.2f}  "
            f"{np.mean(swap.left > 0):5.2f}  {swap.rank:6} of {len(swap.of_all):2}  "
            f"{swap.of_all.mean():+24.2f}  {np.mean(swap.of_all > 0):5.2f}"
        )
    return swaps


def _every_pair(model: CNN, n: int) -> None:
    ranks, first = [], 0
    pairs = list(itertools.combinations(range(10), 2))
    for pair in pairs:
        asked = contrast(*pair, n)
        ranks.append([swap.rank for swap in swap_channels(model, asked, 3)])
        top = influences(traced(model, BY_BLOCK), asked).top(1)[0]
        first += route(top.path) == "through both blocks"
    print(f"\nall {len(pairs)} pairs of digits: through both blocks is first in {first}")
    for size, found in enumerate(np.array(ranks).T, 1):
        print(
            f"  first {size} of the channels: rank 1 in {np.sum(found == 1)}, "
            f"at most 3 in {np.sum(found <= 3)}, at worst {found.max()}"
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints what blocks and channels carry and what swapping them does; draws the figure."""
    parser = argparse.ArgumentParser("python -m examples.digits_cnn", description=__doc__)
    parser.add_argument(
        "--pair",
        type=int,
        nargs=2,
        default=(3, 8),
        choices=range(10),
        metavar="DIGIT",
        help="(3 8)",
    )
    parser.add_argument("--images", type=int, default=32, help="of each digit (%(default)s)")
    parser.add_argument("--every-pair", action="store_true", help="also asks about all 45 pairs")
    parser.add_argument("--out", type=Path, default=Path("out/digits_cnn"), help="folder")
    given = parser.parse_args(arguments)
    if given.pair[0] == given.pair[1] or given.images < 1:
        parser.error("--pair takes two different digits, and --images at least 1")
    model, untrained = shipped(), new_model(_UNTRAINED)
    asked = contrast(*given.pair, given.images)
    print(f"accuracy on held-out digits {accuracy(model):.3f}")
    clean = margins(traced(model, BY_BLOCK), asked, {})
    print(
        f"{given.pair[0]} against {given.pair[1]}: {len(clean)} images, mean margin "
        f"{clean.mean():+.2f}, right {np.mean(clean > 0):.2f}\n\ntrained"
    )
    shares = block_shares(model, asked)
    print("\nuntrained")
    control = block_shares(untrained, asked)
    swaps = _channels(model, asked)
    if given.every_pair:
        _every_pair(model, given.images)
    given.out.mkdir(parents=True, exist_ok=True)
    draw(shares, control, float(clean.mean()), swaps, given.out / "paths.png")
    print(f"\nwrote {given.out / 'paths.png'}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
