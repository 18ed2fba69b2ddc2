"""Runs the code of `pictures.md`, and writes its figures to `pictures/`."""

import re
from pathlib import Path

from matplotlib.figure import Figure

HERE = Path(__file__).parent
_FENCE = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)


def main() -> None:
    page = (HERE / "pictures.md").read_text()
    namespace: dict[str, object] = {}
    for block in _FENCE.finditer(page):
        exec(block[1], namespace)  # noqa: S102
    folder = HERE / "pictures"
    folder.mkdir(exist_ok=True)
    for name, value in namespace.items():
        if isinstance(value, Figure):
            value.savefig(folder / f"{name}.png", dpi=90, metadata={"Software": None})
    (folder / "graph.svg").write_text(namespace["shown"]["image/svg+xml"])


if __name__ == "__main__":
    main()
