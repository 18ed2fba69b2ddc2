"""A few inputs of every parser, always the same ones; and that what must hold can fail."""

import time
import warnings
from pathlib import Path

import jaxtyping
import numpy as np
import pytest
from hypothesis import strategies as st

import pathflow as pf
from tests.fuzz.__main__ import main
from tests.fuzz._all import PARSERS
from tests.fuzz._bounds import TooLongError, bounded
from tests.fuzz._parser import Parser, Tally, try_inputs


@pytest.fixture(autouse=True, scope="module")
def _as_users():
    """Without the checks of annotations, which users do not have."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.mark.parametrize("parser", PARSERS, ids=lambda p: p.name)
def test_damaged_and_made_up_inputs(parser):
    tally = Tally()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try_inputs(parser, parser.few, None, tally)
    assert tally.tried >= parser.few // 2
    # Both ends are met: what refuses all, or nothing, is not tried.
    assert tally.whole
    assert tally.refused or parser.name.startswith("arguments")


def reads(read, longest=3000):
    return Parser("broken", lambda: st.just(b"x"), read, 1, longest=longest)


def crash(_drawn, _folder):
    raise KeyError("x")


def say_nothing(_drawn, _folder):
    raise pf.PathflowError("")


def repeat_all(_drawn, _folder):
    raise pf.PathflowError("x" * 4000)


@pytest.mark.parametrize(
    ("read", "error"),
    [(crash, KeyError), (say_nothing, AssertionError), (repeat_all, AssertionError)],
)
def test_what_a_parser_must_not_do_is_found(read, error):
    with pytest.raises(error):
        try_inputs(reads(read), 1, None, Tally())


def spin():
    while True:
        pass


def test_what_hangs_is_ended():
    with pytest.raises(TooLongError), bounded(seconds=0.05):
        time.sleep(20)
    with pytest.raises(TooLongError), bounded(seconds=0.05):
        spin()


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="only Linux tells")
def test_what_fills_memory_is_refused():
    with pytest.raises(MemoryError), bounded(megabytes=64):
        np.ones(2**27)
    # And afterwards there is room again.
    assert np.ones(2**24).all()


def test_the_command_says_what_it_tried(capsys):
    assert main(["--minutes", "0.0001", "--only", "paths", "--seed", "3"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("paths: 200 inputs, ")
    assert "GraphError" in said


def test_the_command_fails_where_one_does(capsys, monkeypatch):
    monkeypatch.setattr("tests.fuzz._all.PARSERS", (reads(crash),))
    assert main(["--minutes", "0.0001"]) == 1
    found = capsys.readouterr()
    assert "FAILED" in found.out
    assert "KeyError" in found.err
