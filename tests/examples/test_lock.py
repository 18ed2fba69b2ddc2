"""One run at a time in a folder, and none after one that died."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from examples.lstm_agreement.console.lock import LOCK, only_run
from examples.lstm_agreement.errors import StudyError

ROOT = Path(__file__).parents[2]
HOLDS = """
import sys, time
from pathlib import Path
from examples.lstm_agreement.console.lock import only_run
with only_run(Path(sys.argv[1]), "the other command"):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def other(tmp_path):
    """Another process that holds the folder."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_two_runs_are_told_apart(tmp_path, other, capsys):
    with (
        pytest.raises(StudyError, match=f"by the other command, process {other.pid} on"),
        only_run(tmp_path, "mine"),
    ):
        pass
    other.send_signal(signal.SIGKILL)
    other.wait()
    # The file is still there, and says who was killed.
    assert "the other command" in (tmp_path / LOCK).read_text()
    with only_run(tmp_path, "mine"):
        assert "mine" in (tmp_path / LOCK).read_text()
    assert "which has ended; going on" in capsys.readouterr().err
    with only_run(tmp_path, "mine"):
        pass
    assert capsys.readouterr().err == ""


def test_a_command_may_call_another(tmp_path):
    with only_run(tmp_path, "report"), only_run(tmp_path, "tables"):
        assert "report" in (tmp_path / LOCK).read_text()
    assert (tmp_path / LOCK).read_text() == ""


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"command": "x"}'])
def test_a_lock_that_cannot_be_read_locks_nothing(tmp_path, text):
    (tmp_path / LOCK).write_text(text)
    with only_run(tmp_path, "mine"):
        pass
