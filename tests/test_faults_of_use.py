"""Slips of a user: each is an error of a class, and its message says what came and what helps.

Those of run directories are in `tests/storage/test_faults.py`, those of NaN and of float64 in
`tests/influence`, and what a file may hold in `tests/fuzz`.
"""

import inspect
import re
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from hypothesis import given

import pathflow as pf
from pathflow import _errors
from pathflow.influence.enumeration._cut import choose_cut
from pathflow.models import LSTMLanguageModel, ModelCard, Vocabulary, save_checkpoint
from tests.graph.strategies import spaces

pytestmark = pytest.mark.usefixtures("unchecked")

X = jnp.array([0.5, -1.0, 2.0])
WORDS = Vocabulary(("<unk>", "<eos>", "the", "keys", "is", "are"))


def model(x):
    hidden = pf.tag(jnp.tanh(x), "hidden")
    return pf.tag(hidden * x, "product")


def vector():
    return pf.trace(model, X)


def traced():
    return pf.trace(model, X, qoi=pf.Logit(1))


def ask(graph=None, args=(X,), **more):
    asked = {"source": "x", "doi": pf.Line(jnp.zeros(3), n_steps=3), **more}
    return pf.attribute(graph or traced(), args, **asked)


def two_lines(a, b):
    return pf.tag(a.sum(), "first"), pf.tag(b.sum(), "second")


def called_back(x):
    shape = jax.ShapeDtypeStruct(x.shape, x.dtype)
    return jax.pure_callback(np.asarray, shape, pf.tag(x * 1, "asked")).sum()


def many(x):
    for i in range(40):
        x = pf.tag(x + pf.tag(jnp.tanh(x), f"a{i}"), f"b{i}")
    return x.sum()


def language_model():
    return LSTMLanguageModel(6, 4, 4, 1, True, rngs=nnx.Rngs(0))


# What is done, the class of the error, and what its message must say.
FAULTS = {
    "no derivative of a whole number": (
        lambda: ask(pf.trace(lambda x: pf.tag(x[pf.tag(jnp.argmax(x), "best")], "y"), X),
                    source="best", doi=pf.Point()),
        pf.NotDifferentiableError, r"node 'best' holds int\d+.*floating-point node",
    ),
    "a path through whole numbers alone": (
        lambda: ask(pf.trace(lambda x: pf.tag(x.astype(int), "r").sum().astype(float), X)),
        pf.NotDifferentiableError,
        r"source 'x' .* only through integers.*\(x -> r, r -> output\).*after them",
    ),
    "a path that is stopped": (
        lambda: ask(pf.trace(lambda x: pf.tag(jax.lax.stop_gradient(x), "s").sum(), X)),
        pf.NotDifferentiableError, r"stop_gradient \(x -> s\)",
    ),
    "a call of Python on the way": (
        lambda: ask(pf.trace(called_back, X)),
        pf.NotDifferentiableError, r"from 'asked' .*\(pure_callback\).*jax\.custom_jvp",
    ),
    "a number asked of a traced array": (
        lambda: pf.trace(lambda x: float(x.sum()), X),
        pf.TraceError, r"trace\(fn\): fn asks an array for its numbers.*float64.*jnp\.where",
    ),
    "a branch of Python": (
        lambda: pf.trace(lambda x: x if x.sum() > 0 else -x, X),
        pf.TraceError, r"numbers.*TracerBoolConversionError.*jax\.lax\.cond",
    ),
    "NumPy inside": (
        lambda: pf.trace(lambda x: np.tanh(x).sum(), X),
        pf.TraceError, r"numbers.*TracerArrayConversionError.*jax\.numpy",
    ),
    "a mask of unknown length": (
        lambda: pf.trace(lambda x: x[x > 0].sum(), X),
        pf.TraceError, r"numbers.*boolean indices",
    ),
    "a number asked for while streaming": (
        lambda: pf.aggregate(lambda x: float(x[0]), (X,), {"all": ".*"}, source="x",
                             doi=pf.Point()),
        pf.TraceError, r"aggregate\(fn\): fn asks an array for its numbers",
    ),
    "no function": (
        lambda: pf.trace(3, X),
        pf.ArgumentError, r"trace\(fn\) takes a function of arrays or a model.*got 3; its arg",
    ),
    "an argument before the function": (
        lambda: pf.trace(X, model),
        pf.ArgumentError, r"got an array of shape \(3,\); its arguments come after",
    ),
    "a selector that is not made": (
        lambda: pf.trace(model, X, nodes=pf.modules),
        pf.TraceError, r"takes a selector.*got the function modules, which is not called",
    ),
    "tokens as a source": (
        lambda: ask(pf.trace(lambda tokens: model(X[tokens]).sum(), jnp.array([1])),
                    (jnp.array([1]),), source="tokens", doi=pf.Point()),
        pf.UnknownNodeError, r"source='tokens'\): this argument holds int.*embedding of a token",
    ),
    "parameters as a source": (
        lambda: ask(pf.trace(lambda p, x: model(p["w"] * x).sum(), {"w": X}, X), ({"w": X}, X),
                    source="p", doi=pf.Point()),
        pf.UnknownNodeError, r"this argument makes no node; trace with inputs=\['p'\] for one of",
    ),
    "an output of whole numbers": (
        lambda: ask(pf.trace(lambda x: model(x).argmax(), X), doi=pf.Point()),
        pf.ArgumentError, r"returns no floating values; name one as target, or trace with qoi=",
    ),
    "a quantity outside the output": (
        lambda: pf.trace(model, X, qoi=pf.LogitDifference(0, 3)),
        pf.ArgumentError, r"bad=3 is outside 0 \.\. 2, the entries of the output",
    ),
    "a node that is not there": (
        lambda: ask(source="hiden", doi=pf.Point()),
        pf.UnknownNodeError, r"no node 'hiden' .*close matches: hidden.*`\.nodes`",
    ),
    "a path that is not there": (
        lambda: ask()["x product"],
        pf.GraphError, r"the path ends at product, not at the target qoi; give all of it",
    ),
    "a source that is named twice": (
        lambda: ask(source=("x", "x"), doi=pf.Point()),
        pf.GraphError, r"source names a node twice \(x, x\); name each once",
    ),
    "a node that is there twice": (
        lambda: pf.Graph([pf.Node("a"), pf.Node("a")], []),
        pf.GraphError, "nodes holds a more than once; give every node its own label",
    ),
    "a name that no label can have": (
        lambda: pf.tag(X, "two words"),
        pf.TraceError, r"'two words' holds ' ', which cannot stand in a name",
    ),
    "a target that is not reached": (
        lambda: ask(pf.trace(two_lines, X, X), (X, X), source="a", target="second"),
        pf.NoPathError, r"source a cannot reach the target second; leave it out",
    ),
    "sources that hide each other": (
        lambda: ask(source=("x", "hidden", "product"), doi=pf.Point()),
        pf.NoPathError, r"source x, hidden cannot reach .* without passing another source",
    ),
    "an intervention on nothing": (
        lambda: pf.do(traced(), (X,), {"hiden": jnp.zeros(3)}),
        pf.ArgumentError, r"'hiden' matches no node; there are x hidden product qoi",
    ),
    "too many paths": (
        lambda: ask(pf.trace(many, X)),
        pf.TooManyPathsError, r"1,099,511,627,776 paths .*Raise Enumerate\(memory=\.\.\.\)",
    ),
    "a target of several numbers": (
        lambda: ask(vector()),
        pf.ShapeError, r"target='product'.*scalar.*shape \(3,\).*qoi=",
    ),
    "a quantity of several numbers": (
        lambda: pf.trace(model, X, qoi=lambda y: y),
        pf.ShapeError, r"fn returned an array of shape \(3,\).*one entry or a sum",
    ),
    "a quantity of nothing": (
        lambda: pf.trace(model, X, qoi=lambda y: None),
        pf.ShapeError, r"fn returned NoneType.*scalar",
    ),
    "a quantity that is a text": (
        lambda: pf.trace(model, X, qoi="logit"),
        pf.ArgumentError, r"qoi=.*pathflow\.Logit\(3\), got 'logit'",
    ),
    "a quantity of no words": (
        lambda: pf.trace(model, X, qoi=pf.SetDifference([], jnp.array([1]))),
        pf.ArgumentError, r"good is a list of 0; give an array of indices",
    ),
    "no points": (
        lambda: ask(doi=pf.Samples(jnp.zeros((0, 3)))),
        pf.ArgumentError, r"values holds no point",
    ),
    "no steps": (
        lambda: pf.Line(jnp.zeros(3), n_steps=0),
        pf.ArgumentError, r"n_steps=0 is too small.*give 1 or more",
    ),
    "no distribution": (
        lambda: ask(doi=None),
        pf.ArgumentError, r"attribute\(doi=\.\.\.\) takes .*Line\(baseline\), got None",
    ),
    "no examples": (
        lambda: ask(args=(jnp.zeros((0, 3)),), in_axes=0),
        pf.ArgumentError, r"axis of examples is empty; give at least one",
    ),
    "an unknown word": (
        lambda: WORDS.encode(["the", "kays"], strict=True),
        pf.UnknownWordError, r"'kays' is none of the 6 words .*close matches: keys.*strict=False",
    ),
    "two words in one": (
        lambda: WORDS.encode(["the keys"], strict=True),
        pf.UnknownWordError, r"'the keys' is 2 words of the vocabulary; give each by itself",
    ),
    "a sentence that is not split": (
        lambda: WORDS.encode("the keys"),
        pf.ArgumentError, r"encode\(words='the keys'\).*words\.split\(\)",
    ),
    "the number of another vocabulary": (
        lambda: WORDS.decode([2, 99]),
        pf.UnknownWordError, r"99 is the number of no word: the vocabulary has 6",
    ),
    "a number among words": (
        lambda: WORDS.encode([5], strict=True),
        pf.ArgumentError, r"encode\(words=...\) holds 5, which is no text; give words",
    ),
    "a fraction for a word": (
        lambda: WORDS.decode([1.5]),
        pf.ArgumentError, r"decode\(numbers=...\) holds 1\.5, which is no whole number",
    ),
    "a word for a number": (
        lambda: WORDS.decode(["the"]),
        pf.ArgumentError, r"holds 'the', which is no whole number; give numbers as encode",
    ),
    "one number for several": (
        lambda: WORDS.decode(5),
        pf.ArgumentError, r"decode\(numbers=5\) takes a list of whole numbers",
    ),
    "a number for a grid of devices": (
        lambda: pf.Enumerate(devices=2),
        pf.ArgumentError, r"Enumerate\(devices=2\) takes a pathflow\.Devices, as Devices\(points=2",
    ),
    "a number for a grid of devices, written": (
        lambda: pf.EnumerateTo("r", devices=2),
        pf.ArgumentError, r"EnumerateTo\(devices=2\) takes a pathflow\.Devices",
    ),
    "a number for a grid of devices, summed": (
        lambda: pf.OnGraph(devices=2),
        pf.ArgumentError, r"OnGraph\(devices=2\) takes a pathflow\.Devices",
    ),
    "a device by its name": (
        lambda: pf.Devices(devices=("cpu",)),
        pf.ArgumentError, r"Devices\(devices=\('cpu',\)\) takes a tuple of JAX's devices, as in",
    ),
    "a truth value for a number": (
        lambda: pf.Devices(points=True),
        pf.ArgumentError, r"Devices\(points=True\) takes a number of devices",
    ),
    "shards of a search that writes nothing": (
        lambda: pf.run_shards(print, pf.Enumerate(), 2, None),
        pf.ArgumentError, r"run_shards\(search=Enumerate\(.*writes to a folder, as pathflow.Enum",
    ),
    "shards by nobody": (
        lambda: pf.run_shards(print, pf.EnumerateTo("r"), 2, None),
        pf.ArgumentError, r"run_shards\(executor=None\) takes an executor, as concurrent",
    ),
    "one shard for all": (
        lambda: pf.merge("r", shards="a/shard-0-of-1"),
        pf.ArgumentError, r"merge\(shards='a/shard-0-of-1'\) takes the folders of all.*a list",
    ),
    "a class in place of a distribution": (
        lambda: ask(doi=pf.Point),
        pf.ArgumentError, r"such as Line\(baseline\), got the class Point and not .* Point\(",
    ),
    "an array in place of a distribution": (
        lambda: ask(doi=jnp.zeros(3)),
        pf.ArgumentError, r"such as Line\(baseline\), got an array of shape \(3,\)\.",
    ),
    "numbers in place of a baseline": (
        lambda: ask(doi=pf.Line([0.0, 0.0, 0.0])),
        pf.ShapeError, r"baseline has 3 entries for 1 source; .*jnp\.array\(",
    ),
    "the class of a search": (
        lambda: pf.predict_memory(traced(), (X,), source="x", doi=pf.Point(),
                                  search=pf.Enumerate),
        pf.ArgumentError, r"predict_memory\(search=...\) takes a search such as Enumerate\(\), got",
    ),
    "the memory of a search that has a budget": (
        lambda: pf.predict_memory(traced(), (X,), source="x", doi=pf.Point(),
                                  search=pf.EnumerateTo("r")),
        pf.ArgumentError, r"EnumerateTo\(...\)\).*to keep to its argument memory=",
    ),
    "an argument too few": (
        lambda: ask(pf.trace(two_lines, X, X), source="a", target="first"),
        pf.ShapeError, r"args=\.\.\.\): got 1 argument, but .* traced with 2; pass",
    ),
    "an argument of another kind": (
        lambda: ask(pf.trace(lambda p, x: model(p["w"] * x).sum(), {"w": X}, X), ([X], X)),
        pf.ShapeError, r"args\[0\] has the structure \[\*\], but .* with \{'w': \*\}; pass",
    ),
    "an argument of another kind, and a quantity": (
        lambda: ask(args=((X,),)),
        pf.ShapeError, r"args\[0\] has the structure \(\*,\), but .* traced with \*; pass",
    ),
    "examples where there are none": (
        lambda: ask(pf.trace(two_lines, X, X), (X, jnp.stack([X, X])), source="a", target="first",
                    in_axes=0),
        pf.ShapeError, r"args\[0\] has shape \(\) per example, .* or give None for it in in_axes=",
    ),
    "a node of many that is not there": (
        lambda: pf.do(pf.trace(many, X), (X,), {"aa3": 0.0}),
        pf.ArgumentError, r"'aa3' matches no node; close matches: a3, .*`graph\.nodes` has all",
    ),
    "a shape in place of an array": (
        lambda: ask(args=(jax.ShapeDtypeStruct((3,), X.dtype),)),
        pf.ArgumentError, r"args\[0\] is a ShapeDtypeStruct, .* without numbers.*give the array",
    ),
    "words of another vocabulary": (
        lambda: language_model()(jnp.array([2, 77])),
        pf.UnknownWordError, r"tokens holds 77, and the model has 6 words.*own vocabulary",
    ),
    "a vocabulary of another size": (
        lambda: save_checkpoint("m", language_model(), Vocabulary(("<unk>", "<eos>")),
                                ModelCard("m")),
        pf.CheckpointError, r"vocabulary=.* has 2 words and the model 6",
    ),
    "sentences of several lengths": (
        lambda: language_model()([[1, 2], [3]]),
        pf.ShapeError, r"tokens holds sentences of several lengths.*jax\.vmap\(model\)",
    ),
    "a batch of several lengths": (
        lambda: ask(args=(jnp.ones((2, 4)),), in_axes=0),
        pf.ShapeError, r"args\[0\].*\(4,\).*\(3,\).*trace again",
    ),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:.*float64")
@pytest.mark.parametrize("name", FAULTS)
def test_the_message_names_what_came_and_what_helps(name):
    do, kind, message = FAULTS[name]
    with pytest.raises(kind, match=f"(?s){message}") as caught:
        do()
    assert type(caught.value) is kind
    said = str(caught.value)
    # One or two sentences that end, and no text in a repr.
    assert re.search(r"[.)]$|\^$", said), said
    assert 20 < len(said) < 600
    assert "\\n" not in said


@given(spaces(max_nodes=7))
def test_a_cut_separates_the_sources_from_the_target(case):
    """Nobody gives a cut: it is chosen, and every path crosses it once."""
    _, space = case
    left = choose_cut(space, dict.fromkeys(space.edges, 1))
    for path in space:
        sides = [node in left for node in path]
        assert not sides[-1]
        assert sides == sorted(sides, reverse=True)


def test_whole_numbers_of_numpy_are_numbers():
    two = np.int64(2)
    assert repr(pf.Shard(np.int32(1), two)) == repr(pf.Shard(1, 2))
    assert repr(pf.Devices(points=np.int64(1))) == repr(pf.Devices())
    assert WORDS.decode([two]) == WORDS.decode(np.array([2])) == WORDS.decode(jnp.array([2]))
    with pytest.raises(pf.ArgumentError, match=r"Shard\(False, 2\) is none"):
        pf.Shard(False, 2)


def test_an_error_of_the_users_own_passes_as_it_is():
    with pytest.raises(ZeroDivisionError):
        pf.trace(lambda x: x * (1 // 0), X)


# ---- the list of all errors

PAGE = Path(__file__).parents[1] / "docs" / "troubleshooting.md"
ROW = re.compile(r"^\| `(\w+)` \| (.+?) \| (.+?) \|$", re.MULTILINE)


def test_the_page_lists_every_error_once_with_what_to_do():
    rows = ROW.findall(PAGE.read_text("utf-8"))
    names = [name for name, _, _ in rows]
    public = {
        n
        for n, value in vars(pf._api).items()
        if inspect.isclass(value) and issubclass(value, Exception)
    }
    assert len(names) == len(set(names))
    assert set(names) == public
    for name, when, remedy in rows:
        assert len(when.split()) >= 3, name
        assert len(remedy.split()) >= 3, name


def test_every_error_is_public_and_can_be_caught_as_one():
    found = {
        n: value
        for n, value in vars(_errors).items()
        if inspect.isclass(value) and issubclass(value, Exception) and not n.startswith("_")
    }
    assert len(found) > 25
    for name, value in found.items():
        assert getattr(pf, name) is value
        assert issubclass(value, pf.PathflowError | Warning), name
        assert value.__doc__, name


@pytest.mark.parametrize(
    ("narrow", "wide"),
    [
        (pf.ArgumentError, ValueError),
        (pf.ShapeError, ValueError),
        (pf.UnknownNodeError, KeyError),
        (pf.UnknownWordError, KeyError),
        (pf.UnknownWordError, pf.ArgumentError),
        (pf.MissingBlockError, pf.DamagedRunError),
        (pf.DiskFullError, pf.RunWriteError),
        (pf.SettingsChangedError, pf.RunChangedError),
        (pf.RunLockedError, pf.StorageError),
        (pf.MissingDependencyError, ImportError),
    ],
)
def test_what_is_caught_with_what(narrow, wide):
    assert issubclass(narrow, wide)


@pytest.mark.parametrize(
    "error", [pf.TooManyPathsError("too many", 3), pf.UnknownWordError("none", "w"),
              pf.UnknownNodeError("no node")]
)  # fmt: skip
def test_errors_survive_another_process(error):
    import copy

    again = copy.copy(error)
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert vars(again) == vars(error)
