"""The figure beside Table 1: time x layer graph with both primary paths (paper, Figure 2)."""

from collections.abc import Sequence
from pathlib import Path

import pathflow as pf
from pathflow.plot import layered_graph

# Bottom up; the output gate stands beside the candidate, so that its edge to `h` does not pass
# behind `c`.
_ROWS = (
    "x",
    *(f"{name}{layer}" for layer in (0, 1) for name in ("f", "i", "g", "o", "c", "h")),
    "qoi",
)


def draw(
    subject: pf.Attribution,
    intervening: pf.Attribution,
    paths: tuple[str, str],
    *,
    words: Sequence[str],
    title: str,
    folder: Path,
) -> tuple[Path, Path]:
    """Writes `paths.png` and `paths.svg`.

    Arguments:
        subject: influences from the subject, one example per sentence; the figure shows the mean.
        intervening: the same from the intervening noun.
        paths: the primary path from each.
        words: what to write under each step from the subject on, and under the verb.
        title: written above.
        folder: where to write.

    Returns:
        The two files.
    """
    names = ("primary path from the subject", "primary path from the intervening noun")
    figure = layered_graph(
        [subject, intervening],
        paths=dict(zip(names, paths, strict=True)),
        rows=_ROWS,
        row_labels={"x": "x (word)", "qoi": "QoI"},
        column_labels=words,
        title=title,
    )
    files = folder / "paths.png", folder / "paths.svg"
    for file in files:
        figure.savefig(file, dpi=160)
    return files
