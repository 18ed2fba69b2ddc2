"""What models of libraries are traced under."""

import jax
import pytest


@pytest.fixture(autouse=True)
def _single_precision():
    """The libraries' layers are float32 unless told otherwise."""
    with jax.enable_x64(False):
        yield
