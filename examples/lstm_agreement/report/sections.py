"""The parts of the report: which files each is made of, and which command writes them.

Another part is one more line in `SECTIONS`; its command writes its files into the run's folder, or
into one beside it.
"""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Section:
    """A part of the report that a command writes.

    Arguments:
        name: short, for links and in the machine-readable report.
        title: above it.
        command: what writes it, without options.
        markdown: name of its text.
        csvs: patterns of its tables.
        figures: patterns of its figures; of two with one stem the first pattern's is shown.
        beside: name of the folder beside the run's where its command writes, if that is not the
            run's own: what is about many models is in no model's folder.
    """

    name: str
    title: str
    command: str
    markdown: str
    csvs: tuple[str, ...] = ()
    figures: tuple[str, ...] = ()
    beside: str | None = None

    def place(self, folder: Path) -> Path:
        """Where its files are: in the run's folder, or beside it.

        Arguments:
            folder: of the run.
        """
        if self.beside is None or (folder / self.markdown).exists():
            return folder
        return folder.resolve().parent / self.beside

    def text_in(self, folder: Path) -> str | None:
        """Its Markdown, or None where it is not there."""
        file = self.place(folder) / self.markdown
        return file.read_text(encoding="utf-8") if file.exists() else None

    def tables_in(self, folder: Path) -> list[Path]:
        """The tables that are there."""
        return _matching(self.place(folder), self.csvs)

    def figures_in(self, folder: Path) -> list[Path]:
        """The figures that are there, each once."""
        by_stem: dict[str, Path] = {}
        for file in _matching(self.place(folder), self.figures):
            by_stem.setdefault(file.stem, file)
        return list(by_stem.values())


def _matching(folder: Path, patterns: tuple[str, ...]) -> list[Path]:
    return [file for pattern in patterns for file in sorted(folder.glob(pattern))]


_STUDY = "python -m examples.lstm_agreement"
TABLES = Section(
    "tables",
    "Tables 1 and 2, and the primary neurons",
    _STUDY,
    "tables.md",
    ("accuracy.csv", "table1.csv", "table2.csv", "differences.csv", "neurons.csv", "ablations.csv"),
    ("paths.svg", "paths.png"),
)
HYPOTHESES = Section(
    "hypotheses",
    "The paper's observations as hypotheses",
    f"{_STUDY}.hypotheses",
    "hypotheses.md",
    ("hypotheses.csv",),
)
RIVALS = Section(
    "rivals",
    "Other methods on the same sentences",
    f"{_STUDY}.rivals",
    "rivals.md",
    ("rivals*.csv",),
)
CONTEXT = Section(
    "context",
    "How far the number is carried",
    f"{_STUDY}.context",
    "context.md",
    ("context.csv",),
    ("context.png",),
)


def _of_package(name: str, title: str, beside: str | None = None) -> Section:
    """A part whose files all begin with the name of its package."""
    files = (f"{name}*.csv",), (f"{name}*.svg", f"{name}*.png")
    return Section(name, title, f"{_STUDY}.{name}", f"{name}.md", *files, beside)


HALVES = _of_package("halves", "Paths of rank 1, where they were not found")
CLAUSES = _of_package("clauses", "Across a clause")
CONCEPTS = _of_package("concepts", "Other concepts than the number of a subject")
FAMILY = _of_package("family", "Other architectures, sizes and seeds", beside="family")
SECTIONS = (
    TABLES,
    HALVES,
    HYPOTHESES,
    RIVALS,
    CONTEXT,
    CLAUSES,
    CONCEPTS,
    FAMILY,
)
