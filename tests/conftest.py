"""What every test runs under: annotations checked, strict promotion, float64 available."""

import os
from collections.abc import Iterator

from tests._fast_to_compile import FAST_TO_COMPILE

# Before JAX reads them. The same numbers everywhere, and no two workers on one accelerator. Set
# JAX_PLATFORMS to test one, and XLA_FLAGS, to nothing if you like, to compile as users do.
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("XLA_FLAGS", FAST_TO_COMPILE)

import jax
import jaxtyping
import pytest
from hypothesis import HealthCheck, Phase, settings

# Set by mutmut, which changes the code to see whether a test notices: a type check is no test.
_MUTATED = "MUTANT_UNDER_TEST" in os.environ

# Before the first import of pathflow: its annotations are then checked by beartype at run time.
# That is a quarter of the time, so that a second run of the same tests may go without.
if not _MUTATED and "PATHFLOW_UNCHECKED" not in os.environ:
    jaxtyping.install_import_hook("pathflow", "beartype.beartype")

# Exactness is claimed, and so tested, in float64; a test of float32 makes its arrays float32
# explicitly.
jax.config.update("jax_enable_x64", True)
jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")

# A first example compiles, so no deadline holds; too-slow filters misfire on busy machines for the
# same reason.
_NO_SHRINK = (Phase.explicit, Phase.generate)
_common = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("default", max_examples=30, **_common)
settings.register_profile("ci", max_examples=30, derandomize=True, print_blob=True, **_common)
# For a second version of Python and JAX, where what is drawn has passed on the first one already.
settings.register_profile("quick", max_examples=15, derandomize=True, **_common)
settings.register_profile("thorough", max_examples=500, **_common)
# A change that a hundred examples do not show is not worth them for each of thousands of changes.
settings.register_profile(
    "mutation", max_examples=15, derandomize=True, database=None, phases=_NO_SHRINK, **_common
)
_usual = "mutation" if _MUTATED else "ci" if "CI" in os.environ else "default"
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", _usual))


@pytest.fixture(autouse=True, scope="module")
def forget_compiled() -> Iterator[None]:
    """Frees what the tests before compiled, once that is much."""
    from tests.helpers import forget_many  # not before the import hook above

    yield
    forget_many()


@pytest.fixture
def unchecked() -> Iterator[None]:
    """Switches the type checks off: a user has none, and must meet our own errors."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)
