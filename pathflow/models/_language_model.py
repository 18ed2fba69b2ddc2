"""What training and evaluation need of a language model."""

from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Array, Float, Int


@runtime_checkable
class LanguageModel(Protocol):
    """A module that predicts the next word of many sequences at once.

    `train`, `perplexity` and the objectives ask for this much and no more; the module is also an
    `nnx.Module`. What it carries from one batch to the next is its own affair: a recurrent model
    its hidden states, a model that reads every batch afresh the empty tuple.
    """

    def __call__(self, tokens: Int[Array | np.ndarray, " steps"], /) -> Float[Array, " vocab"]:
        """Logits of the word after the last one of a sequence."""
        ...

    @property
    def output_rows(self) -> Float[Array, "vocab features"]:
        """The output weights, one row per word."""
        ...

    @property
    def output_bias(self) -> Any:
        """What is added to the logits, one number per word: an array, or a parameter of one."""
        ...

    def initial_state(self, *batch: int) -> Any:
        """The state before the first word, with the leading axes `batch`: a pytree of arrays."""
        ...

    def features(
        self, tokens: Int[Array, "steps batch"], keep: Float[Array, "steps batch"], state: Any
    ) -> tuple[Float[Array, "steps batch features"], Any]:
        """What the output weights are multiplied by after every word, and the state after the last.

        Arguments:
            tokens: word numbers.
            keep: 0 where a sequence starts anew before the word, 1 elsewhere.
            state: the state before the first words.
        """
        ...
