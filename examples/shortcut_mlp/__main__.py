"""How much of the decisions runs through a shortcut: `python -m examples.shortcut_mlp`."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import pathflow as pf
from examples.shortcut_mlp.figure import draw
from examples.shortcut_mlp.measure import SOURCES, Closing, by_unit, influences
from examples.shortcut_mlp.task import AGREES, SHORTCUT, Points, points
from examples.shortcut_mlp.train import new_model, shipped
from pathflow.models import MLP

_UNTRAINED = 100
_BROKEN = 0.5
_LARGEST = 3


def where(drawn: Points, *, agrees: bool) -> Points:
    """The points whose shortcut says the label, or those where it does not."""
    chosen = (drawn.inputs[:, SHORTCUT] > 0) == (drawn.labels == 1)
    return Points(*(field[chosen == agrees] for field in drawn))


def _amounts(result: pf.Attribution) -> str:
    total = float(np.mean(result.total))
    of_each = [float(np.mean(result.through(source))) for source in SOURCES]
    shares = f"{of_each[0] / total:6.1%}" if abs(total) > 1 else "      "
    return f"{total:+8.3f}  {of_each[0]:+8.3f} {shares}  {of_each[1]:+8.3f}"


def _decisions(model: MLP, seen: Points, broken: Points) -> pf.Attribution:
    result = influences(model, seen)
    worst = float(np.max(result.audit.structural))
    print(f"\n{'':30} total  by the shortcut   by the rings")
    print(f"as in training             {_amounts(result)}")
    for name, agrees in (
        ("broken, and right anyway  ", True),
        ("broken, and wrong         ", False),
    ):
        print(f"{name} {_amounts(influences(model, where(broken, agrees=agrees)))}")
    control = influences(new_model(_UNTRAINED), seen)
    print(f"untrained, as in training  {_amounts(control)}")
    finer = influences(model, seen, "h*")
    worst = max(worst, float(np.max(finer.audit.structural)))
    print(f"\nthe first paths from the shortcut, of {finer.space.count} by units of both layers")
    from_shortcut = [
        row for row in finer.top(50, by=pf.Largest()) if str(row.path[0]) == SOURCES[0]
    ]
    for row in from_shortcut[:5]:
        print(f"  {row.influence:+.3f}  {row.path}")
    print(f"largest structural residual {worst:.0e}")
    return result


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints what runs through the shortcut and what closing it restores; draws the figure."""
    parser = argparse.ArgumentParser("python -m examples.shortcut_mlp", description=__doc__)
    parser.add_argument("--points", type=int, default=1000, help="(%(default)s)")
    parser.add_argument("--out", type=Path, default=Path("out/shortcut_mlp"), help="folder")
    given = parser.parse_args(arguments)
    model = shipped()
    seen, also_seen, broken = (
        points(given.points, np.random.default_rng(seed), agrees=agrees)
        for seed, agrees in ((1, AGREES), (2, AGREES), (3, _BROKEN))
    )
    closing, unbroken = Closing(model, broken, seen), Closing(model, also_seen, seen)
    print(f"accuracy as in training {unbroken.as_it_is():.3f}")
    print(f"accuracy with the shortcut broken {closing.as_it_is():.3f}")
    result = _decisions(model, seen, broken)

    by_shortcut, by_rings = (by_unit(result, source) for source in SOURCES)
    order = np.argsort(-by_shortcut)
    print("\nunits of the first layer: influence of the shortcut, of the rings")
    for unit in order[:6]:
        print(f"  h0[{unit}]  {by_shortcut[unit]:+8.3f}  {by_rings[unit]:+8.3f}")
    print("\naccuracy with units fixed at their mean in training")
    print("units     broken  rank of all sets  mean of all  as in training  paths closed instead")
    fixed = [closing.errors_without(by_shortcut, size) for size in range(1, _LARGEST + 1)]
    for some in fixed:
        print(
            f"{' '.join(map(str, some.chosen)):8}  {1 - some.left.mean():6.3f}  "
            f"{some.rank:4} of {len(some.of_all):3}  {1 - some.of_all.mean():15.3f}  "
            f"{unbroken.without_units(some.chosen).mean():14.3f}  "
            f"{closing.without_paths(some.chosen).mean():20.3f}"
        )
    print(f"with the shortcut itself at 0: {closing.without_feature():.3f}")
    given.out.mkdir(parents=True, exist_ok=True)
    shown = [int(unit) for unit in order if max(by_shortcut[unit], by_rings[unit]) > 0.02]
    draw(
        {f"h0[{unit}]": float(by_shortcut[unit]) for unit in shown},
        {f"h0[{unit}]": float(by_rings[unit]) for unit in shown},
        1 - closing.as_it_is(),
        fixed,
        1 - closing.without_feature(),
        given.out / "paths.png",
    )
    print(f"\nwrote {given.out / 'paths.png'}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
