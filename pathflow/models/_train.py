"""Training a language model by truncated back-propagation through time."""

import contextlib
import dataclasses
import functools
import json
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from pathflow._compat import compiled
from pathflow.models._config import TrainConfig
from pathflow.models._corpus import AbstractCorpus, Batch, Position, batches
from pathflow.models._language_model import LanguageModel
from pathflow.models._objectives import AbstractObjective, Candidates
from pathflow.models._progress import Progress
from pathflow.models._training_state import Record, TrainingState
from pathflow.models._update import descended
from pathflow.storage import write_file

STATE_FILE = "state.safetensors"
LOG_FILE = "log.jsonl"

Evaluate = Callable[[Any], Mapping[str, int | float]]


def train(
    model: LanguageModel,
    corpus: AbstractCorpus,
    config: TrainConfig,
    *,
    folder: Path | str | None = None,
    evaluate: Evaluate | None = None,
    progress: bool = True,
) -> tuple[Record, ...]:
    """Trains a model in place.

    Each row of the batch reads its part of the corpus from left to right; its state goes on from
    update to update, and is a constant at the first word of each.

    Arguments:
        model: any `LanguageModel`; is changed.
        corpus: the text.
        config: the settings.
        folder: where the training is saved (`state.safetensors`) and its records are written
            (`log.jsonl`). A training that was saved there goes on, and ends with the same
            parameters, bit for bit, as one that was never stopped.
        evaluate: measures the model; its numbers join the record of that step.
        progress: whether to show a bar on a terminal.

    Returns:
        The records: `step`, `words` seen, `seconds`, `loss` (mean since the record before),
        `learning_rate`, and what `evaluate` measured.

    Raises:
        CheckpointError: what was saved in `folder` is damaged or belongs to another training.
        KeyboardInterrupt: passed on, after the update under way was finished and saved.

    Example:
        ```python
        corpus = SentenceCorpus(words, end=vocabulary.index[vocabulary.end])
        train(model, corpus, TrainConfig(total_steps=6000), folder="run")
        ```
    """
    run = _Run(model, config, Path(folder) if folder is not None else None)
    state = run.restored()
    source = batches(
        corpus,
        config.batch_size,
        config.n_steps,
        state.position,
        reset_at_end=config.reset_at_end,
    )
    clock = time.monotonic() - state.seconds
    with Progress(config.total_steps, state.step, progress) as shown, _interruptible() as asked:
        while state.step < config.total_steps and not asked.is_set():
            batch, position = next(source)
            state = run.updated(state, batch, position, clock)
            shown.advance()
            due = functools.partial(_due, state.step, config.total_steps)
            if due(config.log_every) or due(config.evaluate_every):
                measured = {}
                if evaluate is not None and due(config.evaluate_every):
                    measured = evaluate(run.model_at(state))
                state = run.recorded(state, measured)
                shown.show(state.records[-1])
            if due(config.save_every) or asked.is_set():
                run.save(state)
    run.model_at(state)
    if asked.is_set():
        raise KeyboardInterrupt
    return state.records


def _due(step: int, total: int, every: int) -> bool:
    return step % every == 0 or step == total


class _Run:
    """A training's fixed parts: the compiled update and where things are written."""

    def __init__(self, model: LanguageModel, config: TrainConfig, folder: Path | None):
        self._model = model
        self._config = config
        self._folder = folder
        self._graphdef = nnx.graphdef(model)
        self._optimizer = config.optimizer()
        self._schedule = config.schedule()
        self._updates: dict[AbstractObjective, Callable] = {}

    def restored(self) -> TrainingState:
        """The state to start from: the saved one where there is one."""
        parameters = nnx.state(self._model, nnx.Param)
        arrays = {
            "parameters": parameters,
            "optimizer": self._optimizer.init(parameters),
            "recurrent": self._model.initial_state(self._config.batch_size),
        }
        # Copies, because the first update gives its arrays away: the model keeps its own, and no
        # array may be given away twice.
        arrays = jax.tree.map(jnp.copy, arrays)
        if self._folder is None or not (self._folder / STATE_FILE).exists():
            return TrainingState(arrays)
        return TrainingState.load(self._folder / STATE_FILE, self._config, arrays)

    def updated(
        self, state: TrainingState, batch: Batch, position: Position, clock: float
    ) -> TrainingState:
        """The state after one step of the optimizer."""
        objective = self._config.objective_at(state.step)
        if objective not in self._updates:
            self._updates[objective] = self._compiled(objective)
        rng = np.random.default_rng([self._config.seed, state.step])
        arrays, loss = self._updates[objective](state.arrays, batch, objective.candidates(rng))
        return dataclasses.replace(
            state,
            arrays=arrays,
            step=state.step + 1,
            position=position,
            seconds=time.monotonic() - clock,
            pending=(*state.pending, loss),
        )

    def _compiled(self, objective: AbstractObjective) -> Callable:
        def loss(
            parameters: Any, recurrent: Any, batch: Batch, candidates: Candidates
        ) -> tuple[jax.Array, Any]:
            model = nnx.merge(self._graphdef, parameters)
            keep = batch.keep.astype(model.output_bias[...].dtype)
            features, after = model.features(batch.inputs, keep, recurrent)
            flat = features.reshape(-1, features.shape[-1])
            targets = jnp.asarray(batch.targets).reshape(-1)
            losses = objective.losses(model, flat, targets, candidates)
            return losses.mean(), after

        # The arrays are given away: their memory is reused for the result.
        @functools.partial(compiled, donate_argnums=0)
        def update(arrays: Any, batch: Batch, candidates: Candidates) -> tuple[Any, jax.Array]:
            grad = jax.value_and_grad(loss, has_aux=True)
            (value, recurrent), gradient = grad(
                arrays["parameters"], arrays["recurrent"], batch, candidates
            )
            parameters, optimizer = descended(
                self._optimizer, gradient, arrays["optimizer"], arrays["parameters"]
            )
            return {
                "parameters": parameters,
                "optimizer": optimizer,
                "recurrent": recurrent,
            }, value

        return update

    def recorded(self, state: TrainingState, measured: Mapping[str, int | float]) -> TrainingState:
        """The state with one record more, which is written to the log."""
        record = {
            "step": state.step,
            "words": state.step * self._config.batch_size * self._config.n_steps,
            "seconds": round(state.seconds, 3),
            "loss": float(np.mean([float(loss) for loss in state.pending])),
            "learning_rate": float(np.asarray(self._schedule(state.step - 1))),
            **measured,
        }
        records = (*state.records, record)
        if self._folder is not None:
            text = "".join(json.dumps(record) + "\n" for record in records)
            write_file(self._folder / LOG_FILE, text.encode())
        return dataclasses.replace(state, records=records, pending=())

    def save(self, state: TrainingState) -> None:
        """Writes the state to the folder, where there is one."""
        if self._folder is not None:
            state.save(self._folder / STATE_FILE, self._config)

    def model_at(self, state: TrainingState) -> LanguageModel:
        """The model with the parameters of the state, copied: the next update takes its own."""
        nnx.update(self._model, jax.tree.map(jnp.copy, state.arrays["parameters"]))
        return self._model


@contextlib.contextmanager
def _interruptible() -> Iterator[threading.Event]:
    """Turns an interrupt into an event, so that it cannot fall between an update and its result."""
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        # Only the main thread may set handlers, and only it is interrupted.
        yield asked
        return
    before = signal.signal(signal.SIGINT, lambda *_: asked.set())
    try:
        yield asked
    finally:
        signal.signal(signal.SIGINT, before)
