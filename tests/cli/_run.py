"""What the tests of the command line ask of a call of it."""

from pathlib import Path


def here(name):
    return Path.cwd() / name


def done(found):
    assert (found.code, found.err) == (0, "")
    return found
