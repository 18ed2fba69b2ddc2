"""Rows for the time that the matrix products take by themselves."""

from collections import Counter
from collections.abc import Mapping, Sequence

from benchmarks._plan import Product, flops
from benchmarks._rows import Row

Seconds = Mapping[Product, float]
# Sizes with a smaller part of the work say little about the rate that is to be had.
_SMALL = 0.01


def floor_rows(
    steps: int,
    products: Counter[Product],
    rounds: Sequence[tuple[Seconds, Seconds]],
    paths: int,
    *,
    live: bool,
) -> list[Row]:
    """The operations over the rate, by library, and at the best rate of both.

    Arguments:
        steps: words of the sentence.
        products: sizes, and how many of each there are.
        rounds: seconds of one product of each size, in PyTorch and in XLA.
        paths: how many paths the products serve.
        live: whether zero partials are left out.
    """
    work = flops(products)
    suffix, text = ("_live", ", zero partials left out") if live else ("", "")
    rows = []
    for place, library in enumerate(("torch", "xla")):
        seconds = tuple(sum(r[place][s] * n for s, n in products.items()) for r in rounds)
        rows.append(
            Row(
                steps,
                f"floor_{library}{suffix}",
                f"(d) its products alone, {library}{text}",
                paths,
                seconds,
                note=f"{work / 1e9:.1f} GFLOP, {work / min(seconds) / 1e9:.0f} GFLOP/s at best",
            )
        )
    best = tuple(work / max(_rate(s, products, work) for s in pair) for pair in rounds)
    rows.append(
        Row(
            steps,
            f"floor_best{suffix}",
            f"(d) the same work at the best rate{text}",
            paths,
            best,
            note=f"{work / min(best) / 1e9:.0f} GFLOP/s, the most that any of the sizes reaches",
        )
    )
    return rows


def _rate(seconds: Seconds, products: Counter[Product], work: int) -> float:
    """The most operations per second at any size that matters."""
    single = {size: flops(Counter({size: 1})) for size in products}
    large = [s for s, n in products.items() if single[s] * n >= _SMALL * work]
    return max(single[s] / seconds[s] for s in large)
