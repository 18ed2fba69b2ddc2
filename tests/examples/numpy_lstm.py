"""An LSTM language model gate by gate in NumPy, with gates and cells that can be replaced."""

import numpy as np

from examples.lstm_agreement.sentences.encoding import encode


def forward(model, tokens, replace=lambda _name, _layer, _step, value: value):
    """Logits after the last word, `(sentences, words)`, in float64.

    Arguments:
        model: the language model.
        tokens: `(sentences, steps)`.
        replace: called with "f", "i", "o", "g" or "c", the layer, the step and the value.
    """
    hidden = [np.zeros((len(tokens), model.hidden_dim)) for _ in model.layers]
    cells = [h.copy() for h in hidden]
    for step in range(tokens.shape[1]):
        x = _array(model.embedding)[tokens[:, step]]
        for k, layer in enumerate(model.layers):
            z = x @ _array(layer.input_kernel) + hidden[k] @ _array(layer.recurrent_kernel)
            parts = np.split(z + _array(layer.bias), 4, axis=1)
            gate = {}
            for name, part in zip("fiog", parts, strict=True):
                value = np.tanh(part) if name == "g" else 1 / (1 + np.exp(-part))
                gate[name] = replace(name, k, step, value)
            cell = gate["f"] * cells[k] + gate["i"] * gate["g"]
            cells[k] = replace("c", k, step, cell)
            x = hidden[k] = gate["o"] * np.tanh(cells[k])
    return x @ _array(model.embedding if model.tied else model.output_kernel).T + _array(
        model.output_bias
    )


def _array(parameter):
    return np.asarray(parameter[...], np.float64)


def margins(model, vocabulary, sentences, replace=lambda _name, _layer, _step, value: value):
    """Score of the agreeing verb above the other, one per sentence."""
    encoded = encode(sentences, vocabulary)
    logits, rows = forward(model, encoded.tokens, replace), np.arange(len(sentences))
    return logits[rows, encoded.correct] - logits[rows, encoded.wrong]
