"""Builds what is published and uses it in empty environments.

`python -m tests.release`, with the extra `release` installed. Source distribution and wheel are
made from the files of this checkout; then, each in a new environment with the wheel: the core
alone, the core with one extra after another, and every example from the unpacked source
distribution.
"""

import argparse
import os
import re
import subprocess
import sys
import tarfile
import venv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import pathflow
from tests.release._uses import CORE, EXAMPLES, EXTRAS

ROOT = Path(__file__).resolve().parents[2]


PARTS = ("core", *EXTRAS, *EXAMPLES)


def main(arguments: Sequence[str] | None = None) -> int:
    """Says what passes, and how long it took; the first failure ends it with its output."""
    given = _parser().parse_args(arguments)
    _check_version()
    with TemporaryDirectory() as folder:
        work = Path(folder)
        _run(sys.executable, "-m", "build", "--outdir", work / "dist", ROOT, at=work)
        (wheel,), (source,) = (work / "dist").glob("*.whl"), (work / "dist").glob("*.tar.gz")
        for file in (wheel, source):
            print(f"{file.name}: {file.stat().st_size / 1e6:.1f} MB", flush=True)
        make = Maker(work, wheel, given.constraints.resolve())
        if "core" in given.only:
            _core(make)
        for extra in [name for name in EXTRAS if name in given.only]:
            _step(extra, make.python(extra), "-c", EXTRAS[extra], at=work)
        with tarfile.open(source) as archive:
            archive.extractall(work, filter="data")
        sources = work / source.name.removesuffix(".tar.gz")
        # The wheel is what is tried; its sources would be found first.
        (sources / "pathflow").rename(work / "unused")
        for name in [name for name in EXAMPLES if name in given.only]:
            extra, options = EXAMPLES[name]
            command = ["-m", f"examples.{name}", *options, "--out", work / "out" / name]
            _step(f"examples.{name}", make.python(extra), *command, at=sources)
    return 0


@dataclass(frozen=True)
class Maker:
    """Makes environments with a wheel, each once.

    Arguments:
        work: the folder that they are made in.
        wheel: what is installed.
        constraints: the versions of everything else.
    """

    work: Path
    wheel: Path
    constraints: Path

    def python(self, extra: str) -> Path:
        """The interpreter of the environment with an extra; with none, for ``""``."""
        place = self.work / f"environment-{extra}"
        found = place / "bin" / "python"
        if not place.exists():
            venv.create(place, with_pip=True)
            wanted = f"{self.wheel}[{extra}]" if extra else str(self.wheel)
            _run(found, "-m", "pip", "install", "-q", "-c", self.constraints, wanted, at=self.work)
        return found


def _core(make: Maker) -> None:
    python = make.python("")
    said = _run(python, "-m", "pathflow", "--version", at=make.work)
    if said.split() != ["pathflow", pathflow.__version__]:
        raise SystemExit(f"`python -m pathflow --version` says {said!r}")
    _step("core", python, "-c", CORE, at=make.work)
    readme = re.findall(r"^```python\n(.*?)^```", _text("README.md"), re.DOTALL | re.MULTILINE)
    _step("README.md", python, "-c", "".join(readme), at=make.work)


def _check_version() -> None:
    """One version in the package, in the citation and at the head of the changelog."""
    wanted = pathflow.__version__
    cited = set(re.findall(r"^ *version: (\S+)$", _text("CITATION.cff"), re.MULTILINE))
    newest = re.findall(r"^## (\S+)", _text("CHANGELOG.md"), re.MULTILINE)[:1]
    if cited != {wanted} or newest != [wanted]:
        raise SystemExit(f"{wanted} is built; CITATION.cff has {cited}, CHANGELOG.md {newest}")


def _text(name: str) -> str:
    return (ROOT / name).read_text()


def _step(name: str, *command: str | Path, at: Path) -> None:
    started = perf_counter()
    _run(*command, at=at)
    print(f"{name}: works ({perf_counter() - started:.0f} s)", flush=True)


def _run(*command: str | Path, at: Path) -> str:
    """What a command prints, run in a folder that has nothing of this checkout."""
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | {"JAX_PLATFORMS": "cpu"}
    done = subprocess.run(  # noqa: PLW1510  (what failed is told with all that it said)
        [*map(str, command)], cwd=at, env=kept, capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))}\n{done.stdout}\n{done.stderr}")
    return done.stdout


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m tests.release", description=__doc__)
    parser.add_argument("--only", nargs="+", default=PARTS, choices=PARTS, help="default: all")
    parser.add_argument(
        "--constraints",
        type=Path,
        default=ROOT / "constraints" / "py311.txt",
        help="versions of what is installed beside (default: %(default)s)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
