"""Searches: how the paths of a problem are gone through."""

import abc
from typing import Generic, TypeVar

from pathflow.influence.question._problem import Problem
from pathflow.influence.question._work import Work

Result_co = TypeVar("Result_co", covariant=True)


class AbstractSearch(abc.ABC, Generic[Result_co]):
    """A way to go through paths, and the kind of result that it gives. `attribute` checks the
    question and hands it over.
    """

    @abc.abstractmethod
    def run(self, problem: Problem) -> Result_co:
        """The influences that this search is made to find."""


class AbstractSizedSearch(AbstractSearch[Result_co]):
    """A search that knows beforehand how much it will hold."""

    @abc.abstractmethod
    def work(self, problem: Problem, n_points: int) -> Work:
        """How the work is cut into tiles, and the bytes that they take.

        Arguments:
            problem: what is asked.
            n_points: how many points of interest there are.

        Raises:
            TooManyPathsError: it does not fit the search's budget.
        """
