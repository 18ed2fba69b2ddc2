"""What `trace` refuses, and what it says."""

import jax.numpy as jnp
import pytest
from jax import lax

import pathflow as pf

X = jnp.array([0.3, -1.2, 0.7])


def tagged(x):
    return pf.tag(jnp.sin(x), "s").sum()


def test_a_function_without_tags():
    with pytest.raises(pf.TraceError, match=r"no node was found.*pathflow\.tag"):
        pf.trace(lambda x: jnp.sin(x).sum(), X)


def test_a_function_without_tags_but_with_a_quantity_of_interest():
    with pytest.raises(pf.TraceError, match="no node was found"):
        pf.trace(jnp.sin, X, qoi=pf.Logit(0))


def test_a_selection_that_selects_nothing():
    with pytest.raises(pf.TraceError, match="nodes="):
        pf.trace(tagged, X, nodes=pf.tagged("other*"))


def test_tags_in_a_branch_that_is_not_taken():
    def fn(x):
        return lax.cond(x.sum() > 99, tagged, lambda v: v.sum(), x)

    with pytest.raises(pf.TraceError, match="no node was found"):
        pf.trace(fn, X)


def test_inputs_that_are_no_parameters():
    with pytest.raises(pf.TraceError, match=r"\['y'\].*\['x'\]"):
        pf.trace(tagged, X, inputs=["y"])


@pytest.mark.usefixtures("unchecked")
def test_inputs_that_are_no_names():
    with pytest.raises(pf.TraceError, match=r"inputs=\[0\]\): \[0\] are no parameters"):
        pf.trace(tagged, X, inputs=0)
    with pytest.raises(pf.TraceError, match=r"\['y', 0, \[\]\] are no parameters"):
        pf.trace(tagged, X, inputs=["y", 0, []])


def test_a_lone_name_is_one_input_and_not_its_letters():
    def fn(ab, a, b):
        return pf.tag(ab + a + b, "t").sum()

    with_one = pf.trace(fn, X, X, X, inputs="ab")
    assert list(map(str, with_one.nodes)) == ["ab", "t", "output"]
    with pytest.raises(pf.TraceError, match=r"\['ba'\] are no parameters"):
        pf.trace(fn, X, X, X, inputs="ba")


def test_a_complex_tag():
    with pytest.raises(pf.TraceError, match="'c' is complex.*real"):
        pf.trace(lambda x: jnp.abs(pf.tag(lax.complex(x, x), "c")).sum(), X)


def test_arguments_of_the_wrong_number():
    with pytest.raises(pf.TraceError, match="2 arguments do not fit"):
        pf.trace(tagged, X, X)


def test_a_keyword_argument_that_is_missing():
    with pytest.raises(pf.TraceError, match="functools.partial"):
        pf.trace(lambda x, *, scale: pf.tag(x * scale, "a"), X)


def test_a_quantity_of_interest_that_is_no_scalar():
    with pytest.raises(pf.ShapeError, match="scalar"):
        pf.trace(lambda x: pf.tag(x, "a"), X, qoi=pf.Custom(lambda y: y * 2))


def test_a_quantity_of_interest_on_a_batch_of_logits():
    with pytest.raises(pf.ShapeError, match=r"\(n_classes,\)"):
        pf.trace(lambda x: pf.tag(x[None], "a"), X, qoi=pf.Logit(0))


class TestUnknownNodes:
    @pytest.fixture
    def traced(self):
        def fn(x):
            def step(c, _):
                return pf.tag(jnp.sin(c), "lstm0.c"), None

            return lax.scan(step, x, None, length=3)[0].sum()

        return pf.trace(fn, X)

    @pytest.mark.parametrize("label", ["lstm0.c@7", "lstm0.c", "lstm1.c@2", "lstm0c@2"])
    def test_close_labels_are_offered(self, traced, label):
        with pytest.raises(pf.UnknownNodeError, match=r"lstm0\.c@[012]") as error:
            traced.node(label)
        assert label in str(error.value)

    @pytest.mark.parametrize("source", ["nothing", ("x", "lstm0.c@9")])
    def test_paths_from_nowhere(self, traced, source):
        with pytest.raises(pf.UnknownNodeError):
            traced.paths(source, "output")
        with pytest.raises(pf.UnknownNodeError):
            traced.count_paths(source, "output")

    def test_paths_to_nowhere(self, traced):
        with pytest.raises(pf.UnknownNodeError, match="outptu"):
            traced.paths("x", "outptu")

    def test_it_is_both_a_key_error_and_readable(self, traced):
        with pytest.raises(KeyError) as error:
            traced.node("y")
        assert "\\n" not in str(error.value)
        assert not str(error.value).startswith("'")


def test_a_pattern_without_a_path_is_warned_of_where_it_is_counted():
    with pytest.warns(pf.PatternWarning, match="no node on them has a name like `z`") as met:
        assert pf.trace(tagged, X).count_paths("x", "output", "x z output") == 0
    assert [w.filename for w in met] == [__file__]
