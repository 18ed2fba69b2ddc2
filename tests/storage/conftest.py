"""A run in a folder."""

import pytest

from tests.storage._hostile import result


@pytest.fixture
def folder(tmp_path):
    result().save(tmp_path / "run")
    return tmp_path / "run"
