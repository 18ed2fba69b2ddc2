"""Contextual decomposition: every state as a part that is due to one word, and the rest.

Source: W. J. Murdoch, P. J. Liu, B. Yu, "Beyond word importance: contextual decomposition to
extract interactions from LSTMs" (2018), section 3, with the bias before the other terms in every
order. Their LSTM has one layer; here the two parts of a layer's hidden state are those of the next
one's input.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int
from threadpoolctl import threadpool_limits

from pathflow.models import LSTMLanguageModel

_Part = Float64[np.ndarray, "sentences units"]
_Preactivation = Float64[np.ndarray, "..."]
_Activation = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Parts:
    """Two parts that add up to a state.

    Arguments:
        word: what is due to the word.
        rest: what other words and biases make, alone or together with the word.
    """

    word: _Part
    rest: _Part


# Threads that share a small product wait for each other, forty times as long on a busy machine.
@threadpool_limits.wrap(1, user_api="blas")
def decompose(
    model: LSTMLanguageModel, tokens: Int[np.ndarray, "sentences steps"], position: int
) -> tuple[Parts, Parts]:
    """The last layer's cell and hidden state after the last word, in parts.

    Arguments:
        model: the language model.
        tokens: the sentences.
        position: of the word.
    """
    shape = len(tokens), model.hidden_dim
    zero = Parts(np.zeros(shape), np.zeros(shape))
    cells, hidden = [zero] * model.n_layers, [zero] * model.n_layers
    embedding = np.asarray(model.embedding[...], np.float64)
    parameters = [
        [
            np.asarray(p[...], np.float64)
            for p in (layer.input_kernel, layer.recurrent_kernel, layer.bias)
        ]
        for layer in model.layers
    ]
    for step, words in enumerate(tokens.T):
        x, nothing = embedding[words], np.zeros((len(words), model.embed_dim))
        mine = step == position
        below = Parts(x, nothing) if mine else Parts(nothing, x)
        for k, (inward, recurrent, bias) in enumerate(parameters):
            word = below.word @ inward + hidden[k].word @ recurrent
            rest = below.rest @ inward + hidden[k].rest @ recurrent
            cells[k], hidden[k] = _step(word, rest, bias, cells[k], mine)
            below = hidden[k]
    return cells[-1], hidden[-1]


def _step(
    word: _Preactivation, rest: _Preactivation, bias: _Preactivation, cell: Parts, mine: bool
) -> tuple[Parts, Parts]:
    """Cell and hidden state of a layer after one word.

    Arguments:
        word: the preactivations' part that is due to the word, of the gates f, i, o, g.
        rest: what is due to the others.
        bias: the bias.
        cell: the cell before.
        mine: whether the word itself is read.
    """
    f, i, o, g = zip(*(np.split(part, 4, axis=-1) for part in (word, rest, bias)), strict=True)
    f_word, f_rest, f_bias = _three(_sigmoid, *f)
    i_word, i_rest, i_bias = _three(_sigmoid, *i)
    g_word, g_rest, g_bias = _three(np.tanh, *g)
    # What two terms make together is the word's where neither of them is of the rest.
    new_word = (f_word + f_bias) * cell.word + i_word * (g_word + g_bias) + i_bias * g_word
    new_rest = (f_word + f_rest + f_bias) * cell.rest + f_rest * cell.word
    new_rest += i_rest * (g_word + g_rest + g_bias) + (i_word + i_bias) * g_rest
    if mine:
        new_word += i_bias * g_bias
    else:
        new_rest += i_bias * g_bias
    # Output gates are not taken apart.
    open_ = _sigmoid(sum(o))
    hidden = [open_ * part for part in _two(np.tanh, new_word, new_rest)]
    return Parts(new_word, new_rest), Parts(*hidden)


def _two(activation: _Activation, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Shares of two terms in an activation of their sum: means over both orders."""
    both, one, other = activation(a + b), activation(a), activation(b)
    return (one + both - other) / 2, (other + both - one) / 2


def _three(
    activation: _Activation, a: np.ndarray, b: np.ndarray, bias: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The same where a bias goes before both."""
    first = activation(bias)
    return (*_two(lambda z: activation(z + bias) - first, a, b), first)


def _sigmoid(z: np.ndarray) -> np.ndarray:
    # Without an exponential that could overflow.
    return (1 + np.tanh(z / 2)) / 2
