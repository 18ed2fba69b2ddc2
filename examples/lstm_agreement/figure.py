"""The figure beside Table 1: time x layer graph with both primary paths (paper, Figure 2)."""

from collections.abc import Mapping, Sequence
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
    paths: Mapping[str, str],
    *,
    words: Sequence[str],
    title: str,
    folder: Path,
) -> tuple[Path, Path]:
    """Writes `paths.png` and `paths.svg`.

    Arguments:
        subject: influences from the subject, one example per sentence; the figure shows the mean.
        intervening: the same from the intervening noun.
        paths: the paths to draw over the graph, by their names.
        words: what to write under each step from the subject on, and under the verb.
        title: written above.
        folder: where to write.

    Returns:
        The two files.
    """
    figure = layered_graph(
        [subject, intervening],
        paths=paths,
        rows=_ROWS,
        row_labels={"x": "x (word)", "qoi": "QoI"},
        column_labels=words,
        title=title,
    )
    files = folder / "paths.png", folder / "paths.svg"
    for file in files:
        figure.savefig(file, dpi=160)
    return files
