"""What carries a value to the end of a sequence: `python -m examples.recall`."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from examples.recall.figure import draw
from examples.recall.measure import (
    answered,
    carried,
    first,
    kept,
    question,
    staying,
    swapped_along,
)
from examples.recall.task import LENGTH, N_VALUES
from examples.recall.train import RECIPES, shipped
from pathflow.models import GRU

DELAYS = (0, 1, 2, 4, 7, 11, 15, LENGTH - 1)
_UNTRAINED = 100


def _by_delay(model: GRU, untrained: GRU, n: int) -> dict[int, tuple[float, float]]:
    """The shares of the carry path and of the largest other one, for each delay; prints them."""
    shares = {}
    print("\n                     trained: carry path   largest other path  untrained:")
    print("delay      paths  total  influence  share   share  first of both      total  carry path")
    for delay in DELAYS:
        asked = question(delay, n)
        own, control, found = carried(model, asked), carried(untrained, asked), first(model, asked)
        share, other = own.carry / own.total, found.influence / own.total
        shares[delay] = share, other
        name = "carry path" if found.carry_is_first else "other"
        name += "" if found.proven else " (not proven)"
        print(
            f"{delay:5}  {found.paths:9.3g}  {own.total:5.1f}  {own.carry:9.3f}  {share:5.1%}"
            f"  {other:6.1%}  {name:13}  {control.total:+9.1e}  {control.carry:+9.1e}"
        )
        if not found.carry_is_first:
            print(f"       {found.other}")
    return shares


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints what the carry path carries and what holding gates does; draws the figure."""
    parser = argparse.ArgumentParser("python -m examples.recall", description=__doc__)
    parser.add_argument("--sequences", type=int, default=32, help="for each delay (%(default)s)")
    parser.add_argument("--out", type=Path, default=Path("out/recall"), help="folder")
    given = parser.parse_args(arguments)
    n = given.sequences
    models = {name: shipped(name) for name in RECIPES}
    untrained = {name: recipe.new_model(_UNTRAINED) for name, recipe in RECIPES.items()}
    for name, recipe in RECIPES.items():
        print(f"accuracy of {name:5} {recipe.accuracy(models[name]):.3f}")
    print(f"by chance {1 / N_VALUES:.3f}")
    shares = _by_delay(models["gru"], untrained["gru"], n)
    longest = question(LENGTH - 1, n)
    directly = kept(models["gru"], longest)
    print(
        f"\ndelay {LENGTH - 1}: from one state to the next directly, {directly.min():.0%} to "
        f"{directly.max():.0%} at each step"
    )
    middle = LENGTH // 2
    print(f"in the same unit at steps {middle} and {middle + 1}")
    for name in RECIPES:
        print(
            f"  {name:5}  trained {staying(models[name], longest, middle):6.1%}  "
            f"untrained {staying(untrained[name], longest, middle):6.1%}"
        )

    many = question(LENGTH - 1, 500)
    held = answered(models["gru"], many)
    print("\naccuracy of the GRU where, after the marked value,")
    for name, accuracy in held.items():
        print(f"  {name:19} {accuracy:.3f}")
    alone, rest = swapped_along(models["gru"], many)
    print(f"\nanswers that turn where the carry path alone sees another value: {alone:.1%}")
    print(f"answers that turn where all paths but it do: {rest:.1%}")
    given.out.mkdir(parents=True, exist_ok=True)
    file = given.out / "paths.png"
    draw(shares, directly.tolist(), held, 1 / N_VALUES, file)
    print(f"\nwrote {file}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
