"""What the subject's number and the preposition do to the verb, path by path, and what heads do."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Float

import pathflow as pf
from examples.agreement_encoder.task import (
    LENGTH,
    VERB,
    Sentences,
    another_number,
    sentences,
    without_preposition,
)
from examples.agreement_encoder.train import WIDTH, accuracy
from pathflow.models import TransformerEncoder

SPLIT = None
_POINTS = 20
# Where the subject and the preposition stand in the sentences that are asked about.
SUBJECT, PREPOSITION = 2, 5
# Heads and perceptrons, and how the heads of the second layer read.
_NODES = pf.tagged("embed", "l*.h*", "l*.mlp", "l1.[qkv][0-9]", "logits")


def asked(n: int, seed: int) -> Sentences:
    """Sentences with their words at these places."""
    drawn = sentences(n * 60, np.random.default_rng([seed, 7]))
    right = (drawn.subject == SUBJECT) & (drawn.preposition == PREPOSITION)
    chosen = np.flatnonzero(right)[:n]
    return Sentences(*(field[chosen] for field in drawn))


def positions(**places: int) -> pf.Groups:
    """Named positions of a node with a row for each, and the rest together."""
    rows = np.arange(LENGTH * WIDTH).reshape(LENGTH, WIDTH)
    return pf.Groups({name: rows[place] for name, place in places.items()})


class Question(NamedTuple):
    """A word whose influence is asked for.

    Arguments:
        source: its name among the positions.
        place: where it stands.
        instead: what the line of interest begins with in its place.
    """

    source: str
    place: int
    instead: Float[np.ndarray, " sentences"]


def of_subject(drawn: Sentences) -> Question:
    """The subject, against the same noun in the other number."""
    return Question("subject", SUBJECT, another_number(drawn.tokens[:, SUBJECT]))


def of_preposition(drawn: Sentences) -> Question:
    """The preposition, against an adverb: without it, nothing tells the nouns apart."""
    return Question("preposition", PREPOSITION, without_preposition(len(drawn.tokens)))


def influences(model: TransformerEncoder, drawn: Sentences, question: Question) -> pf.Attribution:
    """The influence of a word on the logit of the right number, above the other's, by paths.

    Arguments:
        model: the model.
        drawn: sentences of `asked`.
        question: about which word.

    Returns:
        One example per sentence.
    """
    stream = model.stream
    baseline = (
        stream.embedding[...][question.instead] + stream.position_table[...][question.place][None]
    )
    structure, parameters = nnx.split(model)
    good = jnp.asarray(drawn.plural.astype(np.int32))
    where = {"subject": SUBJECT, "attractor": PREPOSITION + 1}
    graph = pf.trace(
        lambda parameters, tokens: nnx.merge(structure, parameters)(tokens),
        parameters,
        jnp.asarray(drawn.tokens[0]),
        qoi=pf.LogitDifference(jnp.int32(0), jnp.int32(1)),
        nodes=_NODES,
        split=SPLIT or {
            "embed": positions(subject=SUBJECT, preposition=PREPOSITION),
            "l0.*": positions(verb=VERB, **where),
        },
    )
    return pf.attribute(
        graph,
        (parameters, jnp.asarray(drawn.tokens)),
        source=f"embed[{question.source}]",
        doi=pf.Line(baseline[:, None], n_steps=_POINTS),
        qoi=pf.LogitDifference(good, 1 - good),
        in_axes=(None, 0),
    )


def looks(model: TransformerEncoder, *, seed: int = 2, n: int = 500) -> dict[str, np.ndarray]:
    """How much each head looks, `(layers, heads)`, from the verb at the subject and at the
    attractor, and from the attractor at the preposition: means over fresh sentences.
    """
    drawn = sentences(n, np.random.default_rng(seed))
    patterns = np.asarray(_patterns(model, drawn.tokens))
    rows = np.arange(n)
    attractor = drawn.preposition + 1
    return {
        "verb at subject": patterns[rows, :, :, VERB, drawn.subject].mean(axis=0),
        "verb at attractor": patterns[rows, :, :, VERB, attractor].mean(axis=0),
        "attractor at preposition": patterns[rows, :, :, attractor, drawn.preposition].mean(axis=0),
    }


@nnx.jit
def _patterns(model: TransformerEncoder, tokens: jax.Array) -> jax.Array:
    return jax.vmap(model.patterns)(tokens)


def ablations(model: TransformerEncoder) -> dict[str, float]:
    """The accuracy where a head or a perceptron writes nothing."""
    found = {}
    for layer in range(model.n_layers):
        for head in range(model.n_heads):
            copy = nnx.clone(model)
            kernel = copy.stream.layers[layer].attention.output
            kernel.set_value(kernel[...].at[head].set(0))
            found[f"l{layer}.h{head}"] = accuracy(copy)
        copy = nnx.clone(model)
        kernel = copy.stream.layers[layer].perceptron.output
        kernel.set_value(jnp.zeros_like(kernel[...]))
        found[f"l{layer}.mlp"] = accuracy(copy)
    return found
