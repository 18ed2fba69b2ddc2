"""The sentences of a run: own ones, or published ones from a folder."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from examples.lstm_agreement.errors import StudyError
from examples.lstm_agreement.sentences.clauses import (
    ClauseTask,
    count_groups,
    generate_clauses,
)
from examples.lstm_agreement.sentences.encoding import in_random_order, known_sentences
from examples.lstm_agreement.sentences.lakretz import ADV_ADV, ADV_CONJUNCTION, FILES, read_task
from examples.lstm_agreement.sentences.marvin_linzen import PairFile, read_pairs
from examples.lstm_agreement.sentences.tasks import NOUN_PP_ADV, Sentence, Task
from pathflow.models import Vocabulary

# Of these there are published sentences only, or the study's first command makes them.
PUBLISHED_ONLY = (ADV_ADV, ADV_CONJUNCTION, NOUN_PP_ADV)
OWN = "own generator"


@dataclass(frozen=True)
class Sources:
    """Where sentences come from.

    Arguments:
        vocabulary: the model's words.
        n_groups: how many groups the own generator makes, where the words allow as many.
        seed: of the words drawn, and of the order of published sentences.
        tasks_dir: the folder of Lakretz et al. (2019), for the tasks that it has.
        pairs_dir: the folder of Marvin and Linzen (2018).
    """

    vocabulary: Vocabulary
    n_groups: int
    seed: int
    tasks_dir: Path | None = None
    pairs_dir: Path | None = None

    def tasks(self, chosen: Sequence[ClauseTask]) -> tuple[Task | ClauseTask, ...]:
        """The tasks of a run: those chosen, and the ones that are published only."""
        return (*chosen, *(PUBLISHED_ONLY if self.tasks_dir is not None else ()))

    def sentences(self, task: Task | ClauseTask) -> tuple[tuple[Sentence, ...], str]:
        """The sentences of a task that the model knows, and where they are from.

        Raises:
            StudyError: the model knows no sentence, or a file is missing or damaged.
        """
        if self.tasks_dir is not None and task.name in FILES:
            found = known_sentences(read_task(task, self.tasks_dir), self.vocabulary)
            return in_random_order(found, self.seed), FILES[task.name]
        if not isinstance(task, ClauseTask):
            raise StudyError(f"there is no own generator of {task.name}; give the folder of tasks.")
        return self._own(task), OWN

    def first_verb(self, task: Task | ClauseTask) -> tuple[Sentence, ...]:
        """Own sentences that end before the first verb; none where there is one verb alone."""
        if not isinstance(task, ClauseTask) or task.first_verb is None:
            return ()
        return self._own(task.up_to_first_verb())

    def pairs(self, files: Sequence[PairFile]) -> Iterator[tuple[PairFile, Sequence[Sentence]]]:
        """The minimal pairs of each file, as far as the model knows them; empty where it knows
        none.
        """
        for file in files if self.pairs_dir is not None else ():
            sentences = read_pairs(file, self.pairs_dir)
            known = [s for s in sentences if all(w in self.vocabulary for w in s.words())]
            yield file, known

    def _own(self, task: ClauseTask) -> tuple[Sentence, ...]:
        n_groups = min(self.n_groups, count_groups(task, self.vocabulary))
        return generate_clauses(task, n_groups, seed=self.seed, vocabulary=self.vocabulary)


def first_of_each(
    sentences: Sequence[Sentence], conditions: Sequence[str], limit: int
) -> tuple[Sentence, ...]:
    """The first sentences of each condition, condition after condition.

    Raises:
        StudyError: a condition has none.
    """
    chosen = [[s for s in sentences if s.condition == c][:limit] for c in conditions]
    if not all(chosen):
        raise StudyError(
            f"no {sentences[0].task} sentence of condition "
            f"{next(c for c, s in zip(conditions, chosen, strict=True) if not s)} has only words "
            "that the model knows."
        )
    return tuple(s for of_condition in chosen for s in of_condition)
