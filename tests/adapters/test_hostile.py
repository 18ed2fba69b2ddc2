"""What users' models do beside the plain case: named right, or refused with a remedy."""

import functools
import threading

import equinox as eqx
import haiku as hk
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen, nnx

import pathflow as pf
from tests.adapters._hostile import KEY, LINEAR, X, calling, haiku_function, linen_function, names


def tagged(x):
    return jnp.sin(pf.tag(jnp.tanh(x), "t")).sum()


@pytest.mark.parametrize("answer", [True, np.True_])
def test_by_takes_answers(answer):
    assert "t" in names(tagged, nodes=pf.by(lambda _: answer))


@pytest.mark.parametrize("answer", [1, 0, 1.0, np.array(True), np.array([True, False]), [], ""])
def test_by_refuses_what_is_no_answer(answer):
    with pytest.raises(pf.TraceError, match="by\\(choose\\)"):
        pf.trace(tagged, X, nodes=pf.by(lambda _: answer))


class Statics:
    @staticmethod
    def static(x):
        return jnp.sin(x)

    @classmethod
    def of_class(cls, x):
        return jnp.cos(x)

    @property
    def prop(self):
        return jnp.ones(3, jnp.float32)


class NNXStatics(nnx.Module, Statics):
    def __init__(self):
        self.linear = nnx.Linear(3, 3, rngs=nnx.Rngs(0))

    static = staticmethod(Statics.static)
    of_class = classmethod(lambda cls, x: jnp.cos(x))
    prop = Statics.prop

    def encode(self, x):
        return self.linear(self.static(x))

    def __call__(self, x):
        return (self.encode(x) + self.of_class(x) * self.prop).sum()


class EquinoxStatics(eqx.Module):
    linear: eqx.nn.Linear
    static = staticmethod(Statics.static)
    prop = Statics.prop

    @classmethod
    def of_class(cls, x):
        return jnp.cos(x)

    def encode(self, x):
        return self.linear(self.static(x))

    def __call__(self, x):
        return (self.encode(x) + self.of_class(x) * self.prop).sum()


METHODS = ("__call__", "encode", "static", "of_class", "prop")


@pytest.mark.parametrize("model", [NNXStatics(), EquinoxStatics(LINEAR)], ids=["nnx", "equinox"])
def test_only_methods_of_objects_are_calls_and_all_are_put_back(model):
    cls = type(model)
    before = {name: vars(cls)[name] for name in METHODS}
    found = names(model, nodes=pf.modules(methods=METHODS))
    # A method that another one of the same module calls is a call of its own.
    assert found == ["x", "linear", f"{cls.__name__}.encode", "output"]
    assert all(vars(cls)[name] is was for name, was in before.items())


def test_methods_are_put_back_after_an_error():
    class Bad(nnx.Module):
        def __call__(self, x):
            raise ValueError("mine")

    before, linear, bad = vars(Bad)["__call__"], nnx.Linear.__call__, Bad()
    with pytest.raises(ValueError, match="mine"):
        pf.trace(calling(bad), X, nodes=pf.modules())
    assert vars(Bad)["__call__"] is before
    assert nnx.Linear.__call__ is linear


def test_a_name_without_a_value_yet():
    def make():
        def fn(x):
            return LINEAR(x).sum() if x.size else later

        if make is None:
            later = None
        return fn

    assert names(make()) == ["x", "Linear", "output"]


class Again(eqx.Module):
    linear: eqx.nn.Linear

    def __call__(self, x, n=2):
        x = self.linear(x)
        return self(x, n - 1) * x if n else x


class NNXAgain(nnx.Module):
    def __init__(self):
        self.linear = nnx.Linear(3, 3, rngs=nnx.Rngs(0))

    __call__ = Again.__call__


@pytest.mark.parametrize("model", [Again(LINEAR), NNXAgain()], ids=["equinox", "nnx"])
def test_every_call_of_a_module_within_itself_is_a_node(model):
    own = type(model).__name__
    linears = ["x", "linear", "linear#1", "linear#2"]
    assert names(lambda x: model(x).sum()) == [*linears, own, f"{own}#1", f"{own}#2", "output"]
    # The outermost call of the model that is traced is the output.
    assert names(model) == [*linears, own, f"{own}#1", "output"]


class EquinoxDouble(eqx.nn.Linear):
    def __call__(self, x, *, key=None):
        return super().__call__(x) * 2


class NNXDouble(nnx.Linear):
    def __call__(self, x):
        return super().__call__(x) * 2


class LinenDouble(linen.Dense):
    @linen.compact
    def __call__(self, x):
        return super().__call__(x) * 2


class HaikuDouble(hk.Linear):
    def __call__(self, x):
        return super().__call__(x) * 2


@pytest.mark.parametrize("library", ["equinox", "nnx", "linen", "haiku"])
def test_a_call_of_the_class_above_is_a_part_of_the_call(library):
    equinox, flax = EquinoxDouble(3, 3, key=KEY), NNXDouble(3, 3, rngs=nnx.Rngs(0))
    fn, name = {
        "equinox": lambda: (lambda x: equinox(x).sum(), "EquinoxDouble"),
        "nnx": lambda: (lambda x: flax(x).sum(), "NNXDouble"),
        "linen": lambda: (linen_function(LinenDouble(3)), "LinenDouble"),
        "haiku": lambda: (haiku_function(lambda x: HaikuDouble(3)(x).sum()), "haiku_double"),
    }[library]()
    assert names(fn) == ["x", name, "output"]


ZEROS = (np.zeros(3, np.float32),) * 2


class EquinoxCell(eqx.nn.LSTMCell):
    def __call__(self, x, carry):
        return super().__call__(x, carry)


class NNXCell(nnx.LSTMCell):
    def __call__(self, carry, x):
        return super().__call__(carry, x)


class LinenCell(linen.OptimizedLSTMCell):
    @linen.compact
    def __call__(self, carry, x):
        return super().__call__(carry, x)


class HaikuCell(hk.LSTM):
    def __call__(self, x, state):
        return super().__call__(x, state)


def haiku_cell(x):
    core = HaikuCell(3)
    return core(x, core.initial_state(None))[0].sum()


@pytest.mark.parametrize("library", ["equinox", "nnx", "linen", "haiku"])
def test_a_cell_whose_call_is_overridden_and_used_has_its_gates(library):
    equinox, flax = EquinoxCell(3, 3, key=KEY), NNXCell(3, 3, rngs=nnx.Rngs(0))
    fn = {
        "equinox": lambda: lambda x: equinox(x, ZEROS)[0].sum(),
        "nnx": lambda: lambda x: flax(ZEROS, x)[1].sum(),
        "linen": lambda: linen_function(LinenCell(3), ZEROS, of=lambda y: y[1].sum()),
        "haiku": lambda: haiku_function(haiku_cell),
    }[library]()
    found = {n.split(".")[-1] for n in names(fn, nodes=pf.gates())}
    assert found == {"x", "i", "f", "g", "o", "c", "h", "output"}


class Gated(eqx.Module):
    weight: jax.Array
    squash: object = eqx.field(static=True)

    def __call__(self, x):
        return self.squash(self.weight @ x) * x


@pytest.mark.parametrize("other", [jnp.sin, jnp.tanh])
def test_the_second_call_of_a_cell_is_not_dropped_where_its_gates_cannot_be_told(other):
    pf.tracing.register_recipe(
        pf.tracing.CellRecipe(f"{Gated.__module__}:Gated", (("z", "logistic"),), {}, {"": "h"})
    )
    first, odd = Gated(jnp.eye(3), jax.nn.sigmoid), Gated(jnp.eye(3), other)
    assert "Gated.z#1" in names(lambda x: first(first(x)).sum(), nodes=pf.gates())
    with pytest.raises(pf.TraceError, match="activation functions of its own"):
        names(lambda x: odd(first(x)).sum(), nodes=pf.gates())


def test_a_thread_may_trace_while_another_does():
    model, inner = NNXStatics(), []

    def fn(x):
        thread = threading.Thread(target=lambda: inner.append(names(calling(model))))
        thread.start()
        thread.join(60)
        return model(x)

    assert names(fn) == ["x", "linear", "NNXStatics"]
    # A function is traced twice, to see whether it is the same.
    assert inner == [["x", "linear", "NNXStatics"]] * 2


@pytest.mark.parametrize("library", ["nnx", "linen"])
def test_a_trace_within_a_trace_has_its_own_calls(library):
    inner, flax = [], NNXStatics()
    model = linen_function(LinenDouble(3)) if library == "linen" else calling(flax)

    def fn(x):
        inner.append(names(calling(model)))
        return model(x)

    outer = names(fn)
    assert inner == [outer] * 2
    assert not any("#" in name for name in outer)


def test_a_function_that_was_jitted_before():
    model = linen.Dense(3)
    variables = model.init(KEY, X)
    jitted = jax.jit(lambda x: model.apply(variables, x))
    jitted(X)
    assert names(jitted) == ["x", "Dense"]


class Parts(linen.Module):
    @linen.compact
    def __call__(self, x):
        return {"a": (linen.Dense(3)(x), None), "b": x.sum(), "n": 3}


class OfParts(linen.Module):
    @linen.compact
    def __call__(self, x):
        parts = Parts()(x)
        return {"first": parts["a"][0], "second": (parts["b"], None)}


def test_outputs_in_containers():
    model = OfParts()
    found = names(model, model.init(KEY, X), X)
    assert found == ["x", "Parts_0.Dense_0", "Parts_0.a.0", "Parts_0.b"]


def test_names_that_look_like_globs():
    class Odd(linen.Module):
        @linen.compact
        def __call__(self, x):
            return linen.Dense(1, name="b*c")(linen.Dense(3, name="a.b[0]")(x)).sum()

    fn = linen_function(Odd())
    assert names(fn) == ["x", "a.b[0]", "b_c", "Odd", "output"]
    for chosen in ("a.b[0]", "a.b[[]0]", "a.*"):
        assert names(fn, nodes=pf.modules(chosen)) == ["x", "a.b[0]", "output"]


# Its weights are drawn in the call.
@pytest.mark.filterwarnings("ignore::pathflow.RandomnessWarning")
def test_modules_that_are_made_in_the_call():
    class Maker(nnx.Module):
        def __call__(self, x):
            return nnx.Linear(3, 3, rngs=nnx.Rngs(0))(x)

    assert names(Maker()) == ["x", "Linear"]


class Coder(linen.Module):
    def setup(self):
        self.down, self.up = linen.Dense(2), linen.Dense(3)

    def encode(self, x):
        return self.down(x)

    def __call__(self, x):
        return self.up(self.encode(x)).sum()


def test_methods_of_a_linen_model():
    model = Coder()
    variables = model.init(KEY, X)
    encode = functools.partial(model.apply, method="encode")
    assert names(encode, variables, X)[-1] == "down"
    both = pf.modules("*.encode", methods=("encode",))
    assert names(model, variables, X, nodes=both) == ["x", "Coder.encode", "output"]
    assert names(model.bind(variables).encode) == ["x", "down"]


@pytest.mark.parametrize(
    ("nodes", "said"),
    [
        (pf.modules("down_0"), r"modules\('down_0'\).*modules down, up.*close matches: down"),
        (pf.modules(of=linen.Conv), r"modules\(of=Conv\) chooses nothing.*modules down, up"),
        (pf.modules() | pf.tagged("z"), r"tagged\('z'\) chooses nothing.*tags mine"),
        (pf.gates(), r"by gates\(\).*tags mine.*modules down, up"),
        (pf.primitives("tan"), r"primitives\('tan'\).*primitives .*dot_general"),
        (pf.by(lambda _: False), r"by by\(choose\).*primitives"),
    ],
)
def test_what_could_be_chosen_is_said(nodes, said):
    model = Coder()
    variables = model.init(KEY, X)

    def fn(x):
        return model.apply(variables, pf.tag(jnp.sin(x), "mine"))

    with pytest.raises(pf.TraceError, match=said):
        pf.trace(fn, X, nodes=nodes)


def test_an_end_that_is_no_node_has_a_suggestion():
    graph = pf.trace(tagged, X)
    for ends in ({"source": "X"}, {"source": "x", "target": "outputs"}):
        with pytest.raises(pf.UnknownNodeError, match="close matches|start with"):
            pf.attribute(graph, (X,), doi=pf.Point(), **ends)
