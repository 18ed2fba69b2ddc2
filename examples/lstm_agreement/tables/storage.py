"""What a run keeps in its folder, so that the same command goes on where it was stopped."""

from collections.abc import Sequence
from pathlib import Path

from flax import nnx

from examples.lstm_agreement.sentences.tasks import Sentence
from examples.lstm_agreement.tables.blocks import Blocks, Kept, Keys
from examples.lstm_agreement.tables.finished import FinishedRows
from examples.lstm_agreement.tables.measure import Settings
from examples.lstm_agreement.tables.table1 import Condition
from pathflow.models import Vocabulary

ROWS = "rows.jsonl"
BLOCKS = "blocks"


class Storage:
    """Finished rows, and the blocks of what is not finished.

    Arguments:
        folder: of the run; it exists.
        vocabulary: the models' words.
        settings: the quadrature.

    Raises:
        StudyError: the file of rows holds something else.
    """

    def __init__(self, folder: Path, vocabulary: Vocabulary, settings: Settings) -> None:
        self.rows = FinishedRows(folder / ROWS, vocabulary, settings)
        self.blocks = Blocks(folder / BLOCKS)
        self._keys = Keys(vocabulary, settings)

    def of_row(self, model: nnx.Module, name: str, condition: Condition) -> Kept:
        """Where the influences behind a row are kept."""
        return Kept(self.blocks, self.rows.key(model, name, condition))

    def of_units(self, model: nnx.Module, condition: Condition) -> Kept:
        """Where the influences along the primary path are kept, unit by unit."""
        return Kept(self.blocks, self.rows.key(model, "units", condition))

    def of_held(self, model: nnx.Module, sentences: Sequence[Sentence], what: object) -> Kept:
        """Where the score differences with parts of a model held are kept.

        Arguments:
            model: the model.
            sentences: of one task.
            what: is held; plain JSON.
        """
        asked = [[s.tokens, s.correct, s.wrong] for s in sentences]
        return Kept(self.blocks, self._keys.key(model, "held", what, asked))
