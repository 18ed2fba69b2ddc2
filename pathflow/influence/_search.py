"""Searches: how the paths of a problem are gone through."""

import abc
from typing import Generic, TypeVar

from pathflow.influence.question._problem import Problem

Result_co = TypeVar("Result_co", covariant=True)


class AbstractSearch(abc.ABC, Generic[Result_co]):
    """A way to go through paths, and the kind of result that it gives. `attribute` checks the
    question and hands it over.
    """

    @abc.abstractmethod
    def run(self, problem: Problem) -> Result_co:
        """The influences that this search is made to find."""
