"""How the other architectures are taken apart."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import jax
import numpy as np

import pathflow as pf
from examples.lstm_agreement.errors import StudyError
from examples.lstm_agreement.tables.view import AbstractView, RecurrentView
from pathflow.models import residual_writers

# The candidate at the noun, in both layers; then what the update gate of the second layer keeps.
GRU_VIEW = RecurrentView("rzn", ("n0", "h0", "n1"), "h", "h")

_POSITION = re.compile(r"\[(\d+)\]")


@dataclass(frozen=True)
class TransformerView(AbstractView):
    """A decoder of two layers: at every word, what each head and each perceptron writes.

    Which head carries a number is an accident of the training, so that no path can be named before
    a model is looked at: the primary path is one that was found, by `with_paths`.

    Arguments:
        n_heads: heads per layer.
        found: the primary paths, by the positions of a word and of the word before the verb.
    """

    n_heads: int
    found: Mapping[tuple[int, int], str] = field(default_factory=dict, hash=False)

    @property
    def nodes(self) -> pf.AbstractNodeSelector:
        """What is written to the residual stream."""
        return residual_writers()

    @property
    def split(self) -> Mapping[str, pf.AbstractParts]:
        """Every word on its own."""
        return {"embed": pf.Axis(0), "l*.h*": pf.Axis(0), "l*.mlp": pf.Axis(0)}

    def with_paths(self, found: Mapping[tuple[int, int], str]) -> "TransformerView":
        """The view with primary paths."""
        return replace(self, found=dict(found))

    def embedding(self, model: Any) -> jax.Array:
        """See `AbstractView.embedding`."""
        return model.stream.embedding[...]

    def source(self, position: int) -> str:
        """See `AbstractView.source`."""
        return f"embed[{position}]"

    def primary_path(self, position: int, last: int) -> str:
        """The path that was found.

        Raises:
            StudyError: none was.
        """
        try:
            return self.found[position, last]
        except KeyError:
            raise StudyError(
                f"no path from word {position} to the verb after word {last} was found yet; find "
                "one on sentences of that length, and give it by with_paths."
            ) from None

    def gates(self, position: int, last: int) -> frozenset[str]:
        """What the first layer writes at every word, and the second at the last one."""
        writers = [*(f"h{h}" for h in range(self.n_heads)), "mlp"]
        lower = {f"l0.{w}[{t}]" for w in writers for t in range(position, last + 1)}
        return frozenset(lower | {f"l1.{w}[{last}]" for w in writers})

    def routes(self, position: int, last: int) -> dict[str, str]:
        """Which layer's heads look from the last word at the noun; a head of the first may bring
        the number to a word between, and that is neither.
        """
        at = f"embed[{position}] "
        end = f"(l1.mlp[{last}])? logits qoi"
        return {
            "second layer": f"{at}(l0.h*[{position}])? (l0.mlp[{position}])? l1.h*[{last}] {end}",
            "first layer": f"{at}l0.h*[{last}] (l0.mlp[{last}])? (l1.h*[{last}])? {end}",
        }

    def living(self, space: pf.PathSpace, position: int) -> np.ndarray:
        """The paths that do not go back to an earlier word, where nothing can be read from."""
        back = [any(int(t) < position for t in _POSITION.findall(str(path))) for path in space]
        return np.flatnonzero(~np.array(back))
