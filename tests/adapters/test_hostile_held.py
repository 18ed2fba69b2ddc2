"""Parts of models that a function holds in some way are named by their path in the model."""

import dataclasses
import functools

import pytest

from tests.adapters._hostile import MLP, names


@dataclasses.dataclass
class Box:
    model: object

    def run(self, x):
        return self.model.layers[1](x).sum()


class Holder:
    def __init__(self, model):
        self.model = model

    def run(self, x):
        return self.model.layers[1](x).sum()

    __call__ = run


def second(model, x):
    return model.layers[1](x).sum()


def in_a_list(model):
    models = [model]
    return lambda x: models[0].layers[1](x).sum()


def in_a_dictionary(model):
    models = {"a": (model,)}
    return lambda x: models["a"][0].layers[1](x).sum()


def in_a_default(model):
    def fn(x, model=model):
        return model.layers[1](x).sum()

    return fn


def in_an_inner_function(_):
    def fn(x):
        def inner(y):
            return MLP.layers[1](y).sum()

        return inner(x)

    return fn


def in_a_box(model):
    box = Box(model)

    def fn(x):
        return box.run(x)

    return fn


def beside_its_part(model):
    part = model.layers[1]
    return lambda x: (part(x) + model.layers[1](x)).sum()


@pytest.mark.parametrize(
    "hold",
    [
        in_a_list,
        in_a_dictionary,
        in_a_default,
        in_an_inner_function,
        lambda m: functools.partial(second, m),
        lambda m: Box(m).run,
        lambda m: Holder(m).run,
        Holder,
        in_a_box,
    ],
)
def test_a_part_of_a_held_model_has_its_path(hold):
    assert names(hold(MLP)) == ["x", "layers.1", "output"]


def test_a_part_that_is_held_beside_its_model_has_its_path_in_the_model():
    assert names(beside_its_part(MLP)) == ["x", "layers.1", "layers.1#1", "output"]
