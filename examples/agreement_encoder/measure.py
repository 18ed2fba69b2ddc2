"""What the subject's number does to the verb, path by path, and what heads do."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

import pathflow as pf
from examples.agreement_encoder.task import (
    LENGTH,
    VERB,
    Sentences,
    another_number,
    sentences,
)
from examples.agreement_encoder.train import WIDTH, accuracy
from pathflow.models import TransformerEncoder

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


def influences(model: TransformerEncoder, drawn: Sentences) -> pf.Attribution:
    """The influence of the subject on the logit of the right number, above the other's, by paths.

    The line of interest leads from the same noun in the other number, so that the total is what
    the verb owes to the subject's number.

    Arguments:
        model: the model.
        drawn: sentences of `asked`.

    Returns:
        One example per sentence.
    """
    other = another_number(drawn.tokens[:, SUBJECT])
    structure, parameters = nnx.split(model)
    where = {"subject": SUBJECT, "attractor": PREPOSITION + 1}
    stream = model.stream
    baseline = stream.embedding[...][other] + stream.position_table[...][SUBJECT][None]
    good = jnp.asarray(drawn.plural.astype(np.int32))
    graph = pf.trace(
        lambda parameters, tokens: nnx.merge(structure, parameters)(tokens),
        parameters,
        jnp.asarray(drawn.tokens[0]),
        qoi=pf.LogitDifference(jnp.int32(0), jnp.int32(1)),
        nodes=_NODES,
        split={"embed": positions(subject=SUBJECT), "l0.*": positions(verb=VERB, **where)},
    )
    return pf.attribute(
        graph,
        (parameters, jnp.asarray(drawn.tokens)),
        source="embed[subject]",
        doi=pf.Line(baseline[:, None], n_steps=_POINTS),
        qoi=pf.LogitDifference(good, 1 - good),
        in_axes=(None, 0),
    )


def carried_by(path: object, head: int) -> bool:
    """Whether a path stays at the subject, becomes a value there of a head of the second layer,
    and goes on from that head.
    """
    _, *labels = str(path).split()
    below = [n for n in labels if n.startswith("l0.")]
    return all(n.endswith("[subject]") for n in below) and f"l1.v{head}" in labels


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
def _patterns(model: TransformerEncoder, tokens: Any) -> Any:
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
