"""What a node selector is asked about: a value that bears a name, and what made it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Tag:
    """The function itself, by `pathflow.tag` or `jax.ad_checkpoint.checkpoint_name`."""


@dataclass(frozen=True)
class ModuleOutput:
    """The call of a module.

    Arguments:
        path: of the module in the model, as in `encoder.layers.0`; empty for the model itself.
        module: its class.
        method: which of its methods was called.
        cell: whether it is a known recurrent cell, whose outputs are named as its state is (`c`,
            `h`).
    """

    path: str
    module: type
    method: str
    cell: bool


@dataclass(frozen=True)
class Gate:
    """A gate inside a known recurrent cell.

    Arguments:
        path: of the cell in the model.
        module: its class.
        gate: the gate's name in the cell, as in `f`.
    """

    path: str
    module: type
    gate: str


@dataclass(frozen=True)
class EquationOutput:
    """One equation of the traced function.

    Arguments:
        primitive: its name, as in `dot_general`.
        path: of the innermost module around it, where modules are known; empty elsewhere.
        module: that module's class, or None.
    """

    primitive: str
    path: str
    module: type | None


# What made a value.
Origin = Tag | ModuleOutput | Gate | EquationOutput


@dataclass(frozen=True)
class Candidate:
    """A value that may become a node.

    Arguments:
        name: what the node is called, unless the selector calls it otherwise.
        origin: what made it.
        shape: its shape.
        dtype: its dtype, by name.
    """

    name: str
    origin: Origin
    shape: tuple[int, ...]
    dtype: str
