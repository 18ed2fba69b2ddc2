"""Hostile files of PyTorch: nothing of them is run, and work and memory end."""

import ast
import json
import re
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from pathflow.models import torch_file
from tests.helpers._torch_lm import arrays, state_dict
from tests.helpers._torch_writer import Call, Name, archive, legacy, pickled


def calls(module, name, *arguments):
    return pickled(Call(Name(module, name), arguments))[0]


HOSTILE = {
    "system": (calls("posix", "system", "touch /tmp/owned"), "posix.system is called"),
    "eval": (calls("builtins", "eval", "1"), "builtins.eval is called"),
    "old exec": (calls("__builtin__", "exec", "1"), "__builtin__.exec is called"),
    "getattr": (calls("builtins", "getattr", "a", "b"), "builtins.getattr is called"),
    "import": (calls("importlib", "import_module", "os"), "import_module is called"),
    "lookalike": (calls("torchx", "load", "a"), "torchx.load is called"),
    "hub": (calls("torch.hub", "load", "a", "b"), "an object of torch.hub.load, and neither"),
    "popen": (b"\x80\x02csubprocess\nPopen\n)\x81.", "an object of subprocess.Popen, and neither"),
    "stack name": (b"\x80\x04\x8c\x02os\x8c\x06system\x93)R.", "os.system is called"),
    "twice": (b"\x80\x02cos\nsystem\n)\x81)R.", "an object of os.system is called"),
    "ex": (b"\x80\x04cos\nsystem\n)}\x92.", "an object of os.system"),
    "state": (b"\x80\x02cos\nsystem\n)\x81}X\x01\x00\x00\x00aNsb.", "no module"),
    "text": (b"\x80\x02X\x01\x00\x00\x00a)R.", "'a' is called"),
    "arguments": (b"\x80\x02ctorch\nload\nNR.", "torch.load is called with None"),
    "instance": (b"(i__main__\nA\n.", "b'i' is no instruction .* protocol 0 or 1"),
    "extension": (b"\x80\x02\x82\x01.", "no instruction"),
    "buffer": (b"\x80\x05\x97.", "no instruction"),
    "protocol": (b"\x80\x09N.", "pickle protocol 9"),
    "no name": (b"\x80\x02c" + b"a" * 5000 + b"\n.", "has no end within"),
    "no UTF-8": (b"\x80\x02c\xff\na\n.", "no UTF-8"),
    "surrogate": (b"\x80\x02X\x03\x00\x00\x00\xed\xa0\x80.", "no UTF-8"),
    "empty": (b"\x80\x02.", "empty stack"),
    "append": (b"\x80\x02NNa.", "None stands where a list must"),
    "mark": (b"\x80\x02Ne.", "a mark that was not set"),
    "memo": (b"\x80\x02h\x07.", "value 7, which was not kept"),
    "key": (b"\x80\x02}]Ns.", "a list of 0 entries is a key"),
    "long key": (b"\x80\x02}(" + b"N" * 9 + b"tNs.", "a tuple of 9 entries is a key"),
    "large key": (b"\x80\x02}\x8a\x09" + b"\x01" * 9 + b"Ns.", "beyond 64 bits"),
    "two keys": (b"\x80\x02}(K\x01NK\x01Nu.", "the key 1 is there twice"),
    "odd": (b"\x80\x02}(Nu.", "a key without a value"),
    "build": (b"\x80\x02]Nb.", "is given None to hold"),
    "class": (b"\x80\x02N)\x81.", "an object of None is made"),
    "persistent": (b"\x80\x02NQ.", "neither a storage nor a class"),
    "persistent module": (pickled(("module", 1, 2, 3))[0][:-1] + b"Q.", "1 stands where a class"),
    "pairs": (calls("collections", "OrderedDict", 1), "a list of pairs"),
    "no pair": (calls("collections", "OrderedDict", [1]), "among its pairs"),
    "huge text": (
        b"\x80\x04\x8d" + struct.pack("<Q", 2**62) + b".",
        "of 4611686018427387904 bytes",
    ),
    "large text": (b"\x80\x04\x8d" + struct.pack("<Q", 2**20) + b".", "takes 1048576 bytes and"),
    "negative text": (b"\x80\x02T\xff\xff\xff\xff.", "of -1 bytes"),
    "huge integer": (b"\x80\x02\x8b\xff\xff\xff\x7f.", "an integer of 2147483647 bytes"),
    "huge array": (b"\x80\x05\x96" + struct.pack("<Q", 2**40) + b".", "is announced"),
    "nothing": (b"\x80\x02N.", "holds None, and neither a module nor a state_dict"),
    "list": (b"\x80\x02].", "holds a list of 0 entries"),
    "empty dictionary": (b"\x80\x02}.", "holds a dict of 0 entries"),
    "no tensor": (b"\x80\x02}X\x01\x00\x00\x00aNs.", "a is None, no tensor"),
    "number": (b"\x80\x02}K\x01Ns.", "the object has the entry 1, which is no name"),
    "colour": (calls("m\x1b[31m", "f"), r"m\\x1b\[31m.f is called"),
    "coloured name": (b"\x80\x02}X\x02\x00\x00\x00\x1b[Ns.", r"entry '\\x1b\[', which is no name"),
}


def text(value):
    return b"X" + struct.pack("<I", len(value)) + value.encode()


LIMITS = {
    "endless": (b"N0" * 2**20, "more than 1000000 steps"),
    "deep lists": (b"]" * 200_000 + b"a" * 199_999 + b".", "a list of 1 entries"),
    "deep tuples": (b")" + b"\x85" * 300_000 + b".", "a tuple of 1 entries"),
    "deep objects": (
        b"N" + b"q\x000cm\nM\n)\x81h\x00b" * 100_000 + b".",
        "an object of m.M, and neither",
    ),
    "marks": (b"(" * 300_000 + b".", "empty stack"),
    # Twice as many at each level: 2**1000 in all, of which none is looked at.
    "laughs": (b")" + b"2\x86" * 1000 + b".", "a tuple of 2 entries"),
    "laughing key": (b"})" + b"2\x86" * 1000 + b"Ns.", "a tuple of 2 entries is a key"),
    "index": (b"Nr\xff\xff\xff\xff" * 10 + b".", "holds None"),
    # A list of pairs that is made a dictionary again and again.
    "dictionaries": (
        b"(" + b"".join(b"J" + struct.pack("<i", i) + b"N\x86" for i in range(10_000)) + b"lq\x000"
        b"(" + b"ccollections\nOrderedDict\nh\x00\x85R" * 1000 + b"l.",
        "more than 1000000 steps",
    ),
    "long": (text("a" * 2**20) * 40 + b".", "longer than 33554432 bytes"),
    # A module that holds itself.
    "circle": (
        b"cm\nM\n)\x81q\x00}(" + text("_parameters") + b"}" + text("_modules") + b"}" + text("m")
        + b"h\x00sub.",
        "nested more than 32 deep",
    ),
    # Thirty modules, each twice in the next: a billion names.
    "family": (
        b"cm\nM\n)\x81}" + text("_parameters") + b"}sb"
        + b"".join(
            b"q\x000cm\nM\n)\x81}(" + text("_parameters") + b"}" + text("_modules") + b"}("
            + text("a") + b"h\x00" + text("b") + b"h\x00uub"
            for _ in range(30)
        )
        + b".",
        "hold the same parts again and again",
    ),
}  # fmt: skip


# Reads every file of a folder, and says what came of it, by how much memory grew, and what the
# interpreter ran, imported or opened meanwhile.
READER = """
import json, pathlib, resource, sys
from pathflow.models.torch_file import read_torch_file

RUNS = ("exec", "compile", "import", "os.", "subprocess", "socket", "shutil", "pickle", "ctypes")
events = None

def hook(event, arguments):
    if events is not None and event.startswith((*RUNS, "open")):
        events.append([event, str(arguments)[:200]])

folder = pathlib.Path(sys.argv[1])
for good in folder.glob("good *"):
    read_torch_file(good)
sys.addaudithook(hook)
found = {}
for path in sorted(folder.glob("*.pt")):
    before, events = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, []
    try:
        read_torch_file(path)
        error = None
    except Exception as caught:
        error = [type(caught).__name__, str(caught)]
    seen, events = events, None
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    found[path.stem] = {"error": error, "kilobytes": grown, "events": seen}
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """In a process of its own, in which the test suite watches no call, and so none is compiled."""
    folder = tmp_path_factory.mktemp("hostile")
    for name, (content, _) in HOSTILE.items():
        (folder / f"legacy {name}.pt").write_bytes(legacy(content))
        (folder / f"archive {name}.pt").write_bytes(archive(content))
    for name, (body, _) in LIMITS.items():
        (folder / f"legacy {name}.pt").write_bytes(legacy(b"\x80\x02" + body))
    # What Python itself imports for the first good file says nothing.
    (folder / "good legacy").write_bytes(legacy(state_dict(arrays())))
    (folder / "good archive").write_bytes(archive(state_dict(arrays())))
    done = subprocess.run(
        [sys.executable, "-c", READER, str(folder)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
        timeout=300,
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("layout", "name"),
    [
        *(("legacy", name) for name in [*HOSTILE, *LIMITS]),
        *(("archive", name) for name in HOSTILE),
    ],
)
def test_hostile_pickles_run_nothing_and_end(outcomes, layout, name):
    found = outcomes[f"{layout} {name}"]
    kind, message = found["error"]
    assert kind == "CheckpointError"
    assert re.search((HOSTILE | LIMITS)[name][1], message)
    assert f"{layout} {name}.pt" in message
    assert len(message) < 1000
    assert [e for e in found["events"] if e[0] != "open" or f"{name}.pt" not in e[1]] == []
    assert found["kilobytes"] < 2**17


def test_nothing_that_could_run_a_pickle_is_in_the_package():
    folder = Path(torch_file.__file__).parent
    files = sorted(folder.glob("*.py"))
    assert len(files) > 6
    banned = {"pickle", "torch", "importlib", "marshal", "shelve", "dill", "cloudpickle"}
    for file in files:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                assert not banned & {a.name.split(".")[0] for a in node.names}, file
            elif isinstance(node, ast.ImportFrom):
                assert (node.module or "").split(".")[0] not in banned, file
            elif isinstance(node, ast.Name):
                assert node.id not in {"eval", "exec", "__import__", "compile", "getattr"}, file
