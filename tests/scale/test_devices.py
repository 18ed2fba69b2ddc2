"""Eight devices give what one gives. They are emulated on the processor, in a process of their own,
since JAX counts its devices once.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_ROUNDING = 1e-14


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count=8"
    environment = {**os.environ, "XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}
    command = [sys.executable, "-m", "tests.scale._devices", str(tmp_path_factory.mktemp("runs"))]
    done = subprocess.run(command, check=True, cwd=ROOT, env=environment, capture_output=True)
    return json.loads(done.stdout)


def test_eight_devices_give_what_one_gives(found):
    assert found["devices"] == 8
    assert len(found["in memory"]) == 4
    for case in found["in memory"]:
        assert case["gap"] < _ROUNDING, case
        assert case["ok"], case
        # And the work was spread: products lie on all devices, and something is cut between them.
        if "blocks" in case:
            examples, points, paths = case["grid"]
            assert case["blocks"] == [examples * points * paths]
            assert case["placed"] > 1


def test_where_only_examples_are_cut_not_a_bit_differs(found):
    first = found["in memory"][0]
    assert first["grid"] == [8, 1, 1]
    assert first["same"]


def test_runs_on_disk_are_spread_resumed_and_sharded_too(found):
    assert len(found["on disk"]) == 2
    for case in found["on disk"]:
        assert case["gap"] < _ROUNDING, case
        assert case["ok"]
        assert case["resumed"]
        assert case["merged"]


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("too many", "Devices(examples=4, points=3, paths=1) takes 12 devices, and this process"),
        ("examples", "Devices(examples=4): there are 3 examples to cut"),
        ("none", "Devices(examples=2): there is 1 example to cut"),
        ("stretch", "raise EnumerateTo(block=...) to 32, or cut points or paths"),
        ("changed", "was begun with blocks devices = [2,2,2], and this call has [2,1,1]"),
    ],
)
def test_what_does_not_fit_is_refused(found, what, says):
    assert says in found["refused"][what]
