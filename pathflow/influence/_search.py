"""Searches: how the paths of a problem are gone through."""

import abc

from pathflow.influence._problem import Problem
from pathflow.results import Attribution


class AbstractSearch(abc.ABC):
    """A way to go through paths. `attribute` checks the question and hands it over."""

    @abc.abstractmethod
    def run(self, problem: Problem) -> Attribution:
        """The influences that this search is made to find."""
