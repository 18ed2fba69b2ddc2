"""From options to a problem."""

import jax

from ._options import ProblemOptions
from ._problem import Problem, load_problem


def problem_of(options: ProblemOptions) -> Problem:
    """The problem that a command is about.

    Raises:
        ArgumentError: it cannot be made.
    """
    if options.x64:
        # Before any array is made; this process does nothing else.
        jax.config.update("jax_enable_x64", True)
    return load_problem(options.problem)
