"""What all commands about one language model do around what they are for: options, the model, one
run at a time in a folder, and the record of what was written.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from examples.lstm_agreement.console.command import carried_out, remove_outputs, stamp, stamp_name
from examples.lstm_agreement.console.lock import only_run
from examples.lstm_agreement.console.options import add_model, add_out, folder, model_path
from examples.lstm_agreement.language_models.checkpoint import open_checkpoint
from examples.lstm_agreement.language_models.untrained import untrained
from pathflow.models import Checkpoint, LSTMLanguageModel

T = TypeVar("T")


@dataclass(frozen=True)
class Run:
    """One call of a command.

    Arguments:
        command: the command.
        options: what it was given; `out` is the folder.
        path: file of the model.
        checkpoint: what is in it.
        start: by the clock of `time.monotonic`.
    """

    command: "Command"
    options: argparse.Namespace
    path: Path
    checkpoint: Checkpoint
    start: float = field(default_factory=time.monotonic)

    @property
    def out(self) -> Path:
        """The folder of the files."""
        return self.options.out

    @property
    def seconds(self) -> float:
        """Since the start."""
        return time.monotonic() - self.start

    @property
    def heading(self) -> str:
        """The model and its file, as texts name them."""
        return f"{self.checkpoint.card.title} ({self.path.name})"

    def models(self) -> dict[str, LSTMLanguageModel]:
        """The model, and then the untrained ones that `--controls` asks for, by their names."""
        model, seed = self.checkpoint.model, self.options.seed
        controls = {f"untrained {i}": untrained(model, seed + i) for i in self._controls()}
        return {"trained": model, **controls}

    def _controls(self) -> range:
        return range(self.options.controls)

    def clear(self) -> None:
        """Takes away what an earlier run wrote, which would pass for this one's if this stops."""
        remove_outputs(self.out, [*self.command.outputs, stamp_name(self.command.step)])

    def finish(self) -> None:
        """Writes down that the command ended, and says what it wrote."""
        names = self.command.outputs
        stamp(self.out, self.command.step, self.options, self.path, names, self.seconds)
        written = [name for name in names if (self.out / name).exists()]
        print(f"wrote {', '.join(written)} to {self.out}")


@dataclass(frozen=True)
class Command(Generic[T]):
    """A command about one language model.

    Arguments:
        step: its short name, as its record has it.
        module: what `python -m` is told.
        description: one sentence for `--help`.
        add_options: adds its options, but for those that choose the model and the folder.
        outputs: names of the files that it writes.
        prepare: finds out whether the inputs can be used, before anything is written.
        measure: does the rest with what `prepare` returned, and calls `Run.clear` and
            `Run.finish`.
    """

    step: str
    module: str
    description: str
    add_options: Callable[[argparse.ArgumentParser], None]
    outputs: tuple[str, ...]
    prepare: Callable[[Run], T]
    measure: Callable[[Run, T], None]

    def parser(self) -> argparse.ArgumentParser:
        """The command line."""
        out = argparse.ArgumentParser(prog=f"python -m {self.module}", description=self.description)
        add_model(out)
        self.add_options(out)
        add_out(out)
        return out

    def main(self, arguments: Sequence[str] | None = None) -> int:
        """Runs the command.

        Returns:
            0, or 1 after an input that cannot be used, or 130 after an interruption; the same
            command goes on from what is finished by then.
        """
        options = self.parser().parse_args(arguments)
        options.out = folder(options)
        message = f"; the same command goes on from what is kept in {options.out}"
        return carried_out(lambda: self._run(options), message)

    def _run(self, options: argparse.Namespace) -> None:
        path = model_path(options)
        run = Run(self, options, path, open_checkpoint(path, options.vocab))
        prepared = self.prepare(run)
        options.out.mkdir(parents=True, exist_ok=True)
        with only_run(options.out, f"python -m {self.module}"):
            self.measure(run, prepared)
