"""How the shipped encoder agrees: `python -m examples.agreement_encoder`."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import pathflow as pf
from examples.agreement_encoder.figure import draw
from examples.agreement_encoder.measure import ablations, asked, carried_by, influences, looks
from examples.agreement_encoder.train import accuracy, new_model, shipped


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints where heads look, what parts are worth, and what paths carry; draws the figure."""
    parser = argparse.ArgumentParser("python -m examples.agreement_encoder", description=__doc__)
    parser.add_argument("--sentences", type=int, default=16, help="(%(default)s)")
    parser.add_argument("--out", type=Path, default=Path("out/agreement_encoder"), help="folder")
    given = parser.parse_args(arguments)
    model = shipped()
    whole, seen, without = accuracy(model), looks(model), ablations(model)
    print(f"accuracy {whole:.3f}, by chance 0.500\n\nattention, of the heads of both layers")
    for name, values in seen.items():
        heads = "  ".join(
            f"l{i}.h{h} {v:.2f}" for i, row in enumerate(values) for h, v in enumerate(row)
        )
        print(f"  {name:25} {heads}")
    print("\naccuracy without")
    for name, value in without.items():
        print(f"  {name:7} {value:.3f}")

    head = int(np.argmax(seen["verb at subject"][1]))
    drawn = asked(given.sentences, seed=3)
    top = {}
    for name, asked_of in (("trained", model), ("untrained", new_model(100))):
        result = influences(asked_of, drawn)
        mean = result.mean()
        chosen = np.array([carried_by(path, head) for path in mean.space])
        whole_sum, part = mean.influences.sum(), mean.influences[chosen].sum()
        print(
            f"\n{name}: {mean.space.count} paths, {len(drawn.tokens)} sentences, total "
            f"{whole_sum:+.3f}, residual {np.max(result.audit.structural):.0e}"
        )
        print(
            f"  {int(chosen.sum())} paths stay at the subject and go on as value of l1.h{head}: "
            f"{part:+.3f}"
        )
        rows = {str(row.path): row.influence for row in mean.top(6, by=pf.Largest())}
        top = top or rows
        for path, value in rows.items():
            print(f"  {value:+.3f}  {path}")
    given.out.mkdir(parents=True, exist_ok=True)
    parts = {"everything": whole, **{f"without {name}": a for name, a in without.items()}}
    draw(top, parts, given.out / "paths.png")
    print(f"\nwrote {given.out / 'paths.png'}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
