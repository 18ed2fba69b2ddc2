"""Nothing that is read from a file is ever run: what could do so is not in the code at all."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted([*(ROOT / "pathflow").rglob("*.py"), *(ROOT / "examples").rglob("*.py")])

# Modules that turn bytes into objects or programs, or start other programs.
MODULES = {
    "pickle", "_pickle", "cPickle", "marshal", "shelve", "dill", "cloudpickle", "joblib",
    "jsonpickle", "yaml", "ruamel", "torch", "ctypes", "cffi", "code", "codeop", "runpy", "imp",
    "subprocess", "multiprocessing", "pty", "xmlrpc", "tarfile", "dbm",
}  # fmt: skip
CALLS = {"eval", "exec", "compile", "__import__", "execfile", "breakpoint"}
# As attributes, of whatever.
METHODS = {
    "system", "popen", "execv", "execve", "execvp", "spawnl", "spawnv", "startfile", "fork",
    "to_pickle", "literal_eval", "extractall", "unpack_archive", "fromregex",
}  # fmt: skip
# Where a module is imported whose name is a variable: the names are in the code, but for one, which
# the user of a command gives as MODULE:FUNCTION.
IMPORTS_BY_NAME = {
    "pathflow/__init__.py",
    "pathflow/_optional.py",
    "pathflow/cli/_agreement.py",
    "pathflow/cli/_main.py",
    "pathflow/cli/_problem.py",
}


def names_of(call: ast.Call) -> tuple[str, str]:
    """What stands before the last dot of a call, and after it."""
    function = call.func
    if isinstance(function, ast.Attribute):
        return ast.unparse(function.value), function.attr
    return "", function.id if isinstance(function, ast.Name) else ""


def faults(tree: ast.AST) -> Iterator[str]:
    """What of all that could run something is in a file."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found = {alias.name.split(".")[0] for alias in node.names} & MODULES
            yield from (f"import {name}" for name in found)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            if (node.module or "").split(".")[0] in MODULES:
                yield f"from {node.module}"
        elif isinstance(node, ast.Name) and node.id in CALLS:
            yield node.id
        elif isinstance(node, ast.Call):
            yield from _of_call(node)


def _of_call(node: ast.Call) -> Iterator[str]:
    before, name = names_of(node)
    given = {k.arg: ast.unparse(k.value) for k in node.keywords}
    if name in METHODS or (name == "read_pickle" and before):
        yield f"{before}.{name}"
    arrays = before in {"np", "numpy", "jnp"} and name in {"load", "save", "savez", "loadtxt"}
    # It is the default of `load`, and not of `save`; and a default can change.
    if arrays and given.get("allow_pickle") != "False":
        yield f"{before}.{name} without allow_pickle=False"
    if given.get("shell") == "True" or given.get("allow_pickle") == "True":
        yield f"{before}.{name} with {given}"
    if name == "import_module" and not all(isinstance(a, ast.Constant) for a in node.args):
        yield "import_module"


def test_nothing_that_could_run_what_is_read():
    found = {
        file.relative_to(ROOT).as_posix(): set(faults(ast.parse(file.read_text("utf-8"))))
        for file in FILES
    }
    assert len(found) > 400
    assert {at: f for at, f in found.items() if f} == {
        at: {"import_module"} for at in IMPORTS_BY_NAME
    }


@pytest.mark.parametrize(
    "text",
    [
        "import pickle", "from pickle import loads", "import yaml", "import torch.hub",
        "eval('1')", "x = exec", "__import__(name)", "os.system('x')", "pd.read_pickle(p)",
        "np.load(p)", "numpy.load(p, allow_pickle=True)", "np.save(p, a)",
        "run(c, shell=True)", "importlib.import_module(found['module'])", "import subprocess",
        "zipfile.ZipFile(p).extractall()",
    ],
)  # fmt: skip
def test_what_could_is_found(text):
    assert list(faults(ast.parse(text)))


@pytest.mark.parametrize(
    "text", ["np.load(p, allow_pickle=False)", "json.loads(t)", "importlib.import_module('a')"]
)
def test_what_could_not_is_not(text):
    assert not list(faults(ast.parse(text)))
