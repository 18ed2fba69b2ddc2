"""The circuit of the shipped model: `python -m examples.induction`."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from examples.induction.figure import draw
from examples.induction.measure import ablations, influences, looks, prompts_at, route
from examples.induction.task import N_WORDS
from examples.induction.train import accuracy, new_model, shipped
from pathflow.models import TransformerDecoder

PLACES = (1, 4, 7)


class Paths(NamedTuple):
    """Influences of all paths on all prompts.

    Arguments:
        names: of the paths.
        influences: one row per prompt.
        worst: the largest structural residual.
    """

    names: list[str]
    influences: Float[np.ndarray, "prompts paths"]
    worst: float

    @property
    def order(self) -> np.ndarray:
        """The paths from the largest mean influence on."""
        return np.argsort(-self.influences.mean(axis=0))

    def rank(self, path: str) -> int:
        """The place of a path in that order, from 1 on."""
        return int(np.flatnonzero(self.order == self.names.index(path))[0]) + 1

    def share(self, path: int | str) -> float:
        """A path's part of the total, both as means over the prompts."""
        place = self.names.index(path) if isinstance(path, str) else path
        return self.influences[:, place].mean() / self.influences.sum(axis=1).mean()


def all_paths(model: TransformerDecoder, n: int, places: Sequence[int] = PLACES) -> Paths:
    """The influences on `n` prompts for each place of the repeated word."""
    found = [influences(model, prompts_at(at, n, seed=5), seed=at) for at in places]
    names = [str(path) for path in found[0].space]
    rows = np.concatenate([np.asarray(result.influences, np.float64) for result in found])
    return Paths(names, rows, max(float(np.max(r.audit.structural)) for r in found))


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints what heads look at, what they are worth, and what paths carry; draws the figure."""
    parser = argparse.ArgumentParser("python -m examples.induction", description=__doc__)
    parser.add_argument("--prompts", type=int, default=32, help="for each place (%(default)s)")
    parser.add_argument("--out", type=Path, default=Path("out/induction"), help="for the figure")
    given = parser.parse_args(arguments)
    model = shipped()
    whole, seen, without = accuracy(model), looks(model), ablations(model)
    print(f"accuracy {whole:.3f}, by chance {1 / N_WORDS:.3f}\n")
    print("head    looks back  looks at the answer  accuracy without it")
    for head, (back, answer) in enumerate(zip(seen.back, seen.answer, strict=True)):
        print(f"l0.h{head}   {back:10.2f}  {'':19}  {without[f'l0.h{head}']:.3f}")
        print(f"l1.h{head}   {'':10}  {answer:19.2f}  {without[f'l1.h{head}']:.3f}")

    paths = all_paths(model, given.prompts)
    control = all_paths(new_model(100), given.prompts)
    expected = seen.circuit.path
    print(
        f"\n{len(paths.names)} paths, {len(paths.influences)} prompts, "
        f"largest structural residual {paths.worst:.0e}"
    )
    print(f"total {paths.influences.sum(axis=1).mean():.2f}\n\ninfluence   share  path")
    for place in paths.order[:6]:
        mean = paths.influences[:, place].mean()
        print(f"{mean:+9.3f}  {paths.share(int(place)):6.1%}  {paths.names[place]}")
    print("\nby the way on from the first layer:")
    for name in ("to a key", "to a value", "to a query", "to logits", "past the first layer"):
        chosen = [route(path) == name for path in paths.names]
        part = paths.influences[:, chosen].sum(axis=1).mean()
        print(f"  {name:21} {part:+.3f}")
    first = np.mean(paths.influences.argmax(axis=1) == paths.names.index(expected))
    print(f"\nexpected: {expected}")
    print(
        f"  trained:   place {paths.rank(expected)}, share {paths.share(expected):.1%}, "
        f"first on {first:.0%} of the prompts"
    )
    print(
        f"  untrained: place {control.rank(expected)}, total "
        f"{control.influences.sum(axis=1).mean():+.3f}"
    )
    given.out.mkdir(parents=True, exist_ok=True)
    top = paths.order[:6]
    draw(
        {paths.names[i]: float(paths.influences[:, i].mean()) for i in top},
        {paths.names[i]: float(control.influences[:, i].mean()) for i in top},
        {"all heads": whole, **{f"without {head}": a for head, a in without.items()}},
        1 / N_WORDS,
        given.out / "paths.png",
    )
    print(f"wrote {given.out / 'paths.png'}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
