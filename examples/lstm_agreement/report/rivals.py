"""The tables of other methods, made again from the shipped numbers."""

import math
from pathlib import Path

import numpy as np

import pathflow as pf
from examples.lstm_agreement.console.text import as_markdown
from examples.lstm_agreement.report.contents import read_table
from examples.lstm_agreement.rivals import report
from examples.lstm_agreement.rivals.diagnosis import Diagnosed
from examples.lstm_agreement.rivals.methods import INTERCHANGE, METHODS, Scored
from examples.lstm_agreement.rivals.rank_agreement import Agreement
from examples.lstm_agreement.rivals.ways import Ways
from examples.lstm_agreement.sentences.tasks import NOUN_PP


def rival_tables(folder: Path) -> dict[str, str]:
    """Methods, ways into units, and nodes, as Markdown by short names.

    Arguments:
        folder: holds the tables of `python -m examples.lstm_agreement.rivals`.
    """
    scored = read_scored(folder)
    return {
        "methods": as_markdown(report.unit_table(scored)),
        "ways": as_markdown(report.way_table(scored, read_ways(folder), NOUN_PP)),
        "nodes": as_markdown(report.node_table(read_nodes(folder), NOUN_PP)),
    }


def read_scored(folder: Path) -> list[Scored]:
    """What every method said, the reference first."""
    scores: dict[str, list[float]] = {}
    for line in read_table(folder / "rivals.csv"):
        scores.setdefault(line["method"], []).append(line["score"])
    methods = {method.name: method for method in (INTERCHANGE, *METHODS)}
    return [
        Scored(
            methods[line["what"]],
            line["seconds"],
            np.array(scores[line["what"]], np.float64),
            Agreement(
                line["size"], math.nan if line["sign"] is None else line["sign"], line["of_5"]
            ),
        )
        for line in read_table(folder / "rivals_methods.csv")
    ]


def read_ways(folder: Path) -> Ways:
    """The ways into all units."""
    found: dict[str, list[float]] = {}
    for line in read_table(folder / "rivals_ways.csv"):
        found.setdefault(line["entry"], []).append(line["influence"])
    return Ways(tuple(map(pf.Node.parse, found)), np.array(list(found.values()), np.float64))


def read_nodes(folder: Path) -> tuple[Diagnosed, ...]:
    """What can be read from every node."""
    return tuple(
        Diagnosed(pf.Node.parse(line["node"]), line["accuracy"], line["share"])
        for line in read_table(folder / "rivals_nodes.csv")
    )
