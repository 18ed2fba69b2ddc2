"""Gates of library cells: which equations of a cell's call make them."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from pathflow.tracing._adapter import know_libraries


@dataclass(frozen=True)
class CellRecipe:
    """How the gates of a recurrent cell are found among the equations of one call.

    Arguments:
        cell: the cell's class, as `module:name`; a subclass that does not override the call counts
            as the cell.
        gates: for each gate its name and the primitive that makes it, in the order in which the
            cell computes them; several names (`"z r"`) where one equation makes gates of equal
            width side by side. Without gates, only the outputs are named.
        further: how many more equations of these primitives the call has, after those of the
            gates, as in `{"tanh": 1}` for an LSTM, which squashes its cell at the end.
        outputs: names for the leaves of what the call returns, by their place (`0.1`).
        read_inside: outputs that the cell itself reads, each with the primitive of the last
            equation that does, as in `{"c": "tanh"}`: such a node stands before that equation, so
            that paths through the new cell lead to the new hidden state.

    Example:
        ```python
        CellRecipe(
            "mylib.cells:GRU", (("r", "logistic"), ("z", "logistic"), ("n", "tanh")), {}, {"": "h"}
        )
        ```
    """

    cell: str
    gates: tuple[tuple[str, str], ...]
    further: Mapping[str, int] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    read_inside: Mapping[str, str] = field(default_factory=dict)

    def expected(self) -> Counter[str]:
        """How often each primitive occurs in a call."""
        return Counter(p for _, p in self.gates) + Counter(self.further)


_RECIPES: dict[str, CellRecipe] = {}


def register_recipe(*recipes: CellRecipe) -> None:
    """Adds recipes; a later one for the same class takes the place of an earlier one."""
    know_libraries()
    _RECIPES.update((r.cell, r) for r in recipes)


def recipe_of(module: type, method: str) -> CellRecipe | None:
    """The recipe for a method of a class: that of the class which defines the method."""
    if method != "__call__":
        return None
    know_libraries()
    for cls in module.__mro__:
        if "__call__" in vars(cls):
            return _RECIPES.get(f"{cls.__module__}:{cls.__qualname__}")
    return None
