"""Flags of XLA under which it compiles fast, and what it compiles runs slowly."""

from importlib.metadata import version

# Nearly all of the time of the tests goes into compiling small functions that run once, so that
# XLA's work on making them fast is lost.
_FLAGS = (
    "--xla_backend_optimization_level=0",
    "--xla_llvm_disable_expensive_passes=true",
    "--xla_cpu_parallel_codegen_split_count=1",
)
# The older of its two ways of writing loops takes half the time. Later versions have the other one
# alone, and XLA ends the process at a flag that it does not know.
_OLDER = "--xla_cpu_use_fusion_emitters=false"

_jax = tuple(map(int, version("jax").split(".")[:2]))
FAST_TO_COMPILE = " ".join((*_FLAGS, _OLDER) if _jax < (0, 11) else _FLAGS)
# Unoptimised, one value that two loops compute may come out as two, so that no entry is equal to
# the maximum of all, whose derivative is then 0/0: in jax.grad, too, and seldom enough for a test
# suite. One level higher that was not seen, and compiling takes a third longer.
RELIABLE = FAST_TO_COMPILE.replace("level=0", "level=1")
