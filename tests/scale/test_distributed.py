"""Processes that know each other by `jax.distributed` share a run by its shards."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pathflow as pf
from tests.scale._asked import ask, content

ROOT = Path(__file__).parents[2]
PROCESSES = 2


def test_processes_on_one_address_write_the_run_of_one_process(tmp_path):
    ask(pf.EnumerateTo(tmp_path / "whole", 3))
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{place.getsockname()[1]}"
    run = tmp_path / "run"
    command = [sys.executable, "-m", "tests.scale._distributed", str(run), address, str(PROCESSES)]
    # Two devices each, so that there are more of them than this process sees of its own.
    flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count=2"
    environment = {**os.environ, "XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    processes = [
        subprocess.Popen([*command, str(i)], cwd=ROOT, env=environment, **streams)
        for i in range(PROCESSES)
    ]
    try:
        said = [p.communicate(timeout=300) for p in processes]
    finally:
        for process in processes:
            process.kill()
    assert [p.returncode for p in processes] == [0, 0], said
    # The first line: JAX itself has more to say.
    lines = [out.splitlines()[0].split() for out, _ in said]
    assert [line[:2] for line in lines] == [["4", "2"]] * PROCESSES
    assert sum(int(line[2]) for line in lines) == pf.open_run(run).n_blocks
    assert content(run) == content(tmp_path / "whole")
