"""What the first of the two equal words does to the answer, path by path, and what heads do."""

import re
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Float

import pathflow as pf
from examples.induction.task import LENGTH, N_WORDS, Prompts, prompts
from examples.induction.train import WIDTH, accuracy
from pathflow.models import TransformerDecoder, attention_parts, residual_writers

_POINTS = 20


def positions(**places: int) -> pf.Groups:
    """Named positions of a node with a row for each, and the rest together."""
    rows = np.arange(LENGTH * WIDTH).reshape(LENGTH, WIDTH)
    return pf.Groups({name: rows[place] for name, place in places.items()})


def prompts_at(at: int, n: int, seed: int) -> Prompts:
    """Prompts in which the repeated word stands first at one position."""
    drawn = prompts(n * LENGTH * 2, np.random.default_rng([seed, at]))
    chosen = np.flatnonzero(drawn.at == at)[:n]
    return Prompts(*(field[chosen] for field in drawn))


def influences(model: TransformerDecoder, drawn: Prompts, seed: int = 0) -> pf.Attribution:
    """The influence of the first of the two equal words on the answer, along every path.

    The quantity is the answer's logit above that of another word of the prompt. The line leads
    from the embedding of a word that is not in the prompt, so that the total is how much the
    answer owes to the word having been there before.

    Arguments:
        model: the model.
        drawn: prompts whose repeated word stands first at one and the same position.
        seed: of the other words.

    Returns:
        One example per prompt.
    """
    (at,) = set(drawn.at.tolist())
    rng = np.random.default_rng(seed)
    rows = np.arange(len(drawn.tokens))
    elsewhere = [p for p in range(LENGTH - 1) if p not in (at, at + 1)]
    rivals = drawn.tokens[rows, rng.choice(elsewhere, len(rows))]
    absent = np.array([rng.choice(np.setdiff1d(np.arange(N_WORDS), t)) for t in drawn.tokens])
    stream = model.stream
    baseline = stream.embedding[...][absent] + stream.position_table[...][at][None]
    baseline = baseline[:, None]
    structure, parameters = nnx.split(model)
    qoi = pf.LogitDifference(jnp.asarray(drawn.answers), jnp.asarray(rivals))
    graph = pf.trace(
        lambda parameters, tokens: nnx.merge(structure, parameters)(tokens),
        parameters,
        jnp.asarray(drawn.tokens[0]),
        qoi=pf.LogitDifference(jnp.int32(0), jnp.int32(1)),
        nodes=residual_writers() | attention_parts(),
        split={
            "embed": positions(first=at),
            "l0.h*": positions(next=at + 1, last=LENGTH - 1),
        },
    )
    return pf.attribute(
        graph,
        (parameters, jnp.asarray(drawn.tokens)),
        source="embed[first]",
        doi=pf.Line(baseline, n_steps=_POINTS),
        qoi=qoi,
        in_axes=(None, 0),
    )


class Circuit(NamedTuple):
    """The two heads of the known circuit.

    Arguments:
        previous: the head of the first layer that looks at the position before.
        induction: the head of the second layer that looks from the last word at the answer.
    """

    previous: int
    induction: int

    @property
    def path(self) -> str:
        """The path of the circuit: the word is copied one position on, where it becomes a key that
        the last word's query finds.
        """
        p, i = self.previous, self.induction
        return f"embed[first] l0.v{p} l0.h{p}[next] l1.k{i} l1.a{i} l1.h{i} logits qoi"


class Looks(NamedTuple):
    """Where heads look, as mean attention over prompts.

    Arguments:
        back: of each head of the first layer, from a position to the one before.
        answer: of each head of the second layer, from the last word to the answer.
    """

    back: Float[np.ndarray, " heads"]
    answer: Float[np.ndarray, " heads"]

    @property
    def circuit(self) -> Circuit:
        """The heads that look there most."""
        return Circuit(int(np.argmax(self.back)), int(np.argmax(self.answer)))


def looks(model: TransformerDecoder, *, seed: int = 2, n: int = 500) -> Looks:
    """Where the heads look on fresh prompts. No path is needed to tell."""
    drawn = prompts(n, np.random.default_rng(seed))
    found = nnx.jit(lambda m, tokens: jax.vmap(m.patterns)(tokens))
    patterns = np.asarray(found(model, drawn.tokens))
    later = np.arange(1, LENGTH)
    back = patterns[:, 0][:, :, later, later - 1].mean(axis=(0, 2))
    answer = patterns[np.arange(n), 1, :, -1, drawn.at + 1].mean(axis=0)
    return Looks(back, answer)


def without_head(model: TransformerDecoder, layer: int, head: int) -> TransformerDecoder:
    """A copy in which a head writes nothing."""
    copy = nnx.clone(model)
    kernel = copy.stream.layers[layer].attention.output
    kernel.set_value(kernel[...].at[head].set(0))
    return copy


def ablations(model: TransformerDecoder) -> dict[str, float]:
    """The accuracy without each head."""
    return {
        f"l{layer}.h{head}": accuracy(without_head(model, layer, head))
        for layer in range(model.n_layers)
        for head in range(model.n_heads)
    }


def route(path: object) -> str:
    """By which input of the second layer's heads a path of the first layer's heads goes on."""
    labels = str(path)
    if not re.search(r"l0\.h", labels):
        return "past the first layer"
    found = re.search(r"l1\.([qkv])", labels)
    return (
        {"q": "to a query", "k": "to a key", "v": "to a value"}[found[1]] if found else "to logits"
    )
