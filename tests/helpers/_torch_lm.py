"""A word language model with PyTorch's names: its arrays, its logits in NumPy, its files."""

from collections import OrderedDict

import numpy as np

from tests.helpers._torch_writer import (
    Call,
    Name,
    Object,
    Source,
    Storage,
    archive,
    legacy,
    tensor,
)


def arrays(vocab=11, embed=4, hidden=3, layers=2, dtype=np.float32, seed=0):
    """The arrays by name; none is zero, so that none can be left out unseen."""
    random = np.random.default_rng(seed)
    shapes = {"encoder.weight": (vocab, embed)}
    for i in range(layers):
        shapes |= {
            f"rnn.weight_ih_l{i}": (4 * hidden, embed if i == 0 else hidden),
            f"rnn.weight_hh_l{i}": (4 * hidden, hidden),
            f"rnn.bias_ih_l{i}": (4 * hidden,),
            f"rnn.bias_hh_l{i}": (4 * hidden,),
        }
    shapes |= {"decoder.weight": (vocab, hidden), "decoder.bias": (vocab,)}
    return {name: random.normal(size=shape).astype(dtype) for name, shape in shapes.items()}


def numpy_logits(w, tokens):
    """Logits after every word, by the equations of `torch.nn.LSTM`, gate by gate in float64."""
    w = {name: array.astype(np.float64) for name, array in w.items()}
    layers = sum("weight_hh" in name for name in w)
    width = w["rnn.weight_hh_l0"].shape[1]
    h, c = np.zeros((2, layers, width))
    out = []
    for token in tokens:
        x = w["encoder.weight"][token]
        for k in range(layers):
            gates = {}
            for place, gate in enumerate("ifgo"):
                rows = slice(place * width, (place + 1) * width)
                z = w[f"rnn.weight_ih_l{k}"][rows] @ x + w[f"rnn.bias_ih_l{k}"][rows]
                z = z + w[f"rnn.weight_hh_l{k}"][rows] @ h[k] + w[f"rnn.bias_hh_l{k}"][rows]
                gates[gate] = np.tanh(z) if gate == "g" else 1 / (1 + np.exp(-z))
            c[k] = gates["f"] * c[k] + gates["i"] * gates["g"]
            h[k] = gates["o"] * np.tanh(c[k])
            x = h[k]
        out.append(w["decoder.weight"] @ x + w["decoder.bias"])
    return np.array(out)


def state_dict(w, tied=False):
    """As `model.state_dict()`, every array in a storage of its own unless it is shared."""
    storages = {
        name: Storage(str(i), np.ascontiguousarray(a).reshape(-1))
        for i, (name, a) in enumerate(w.items())
    }
    if tied:
        storages["decoder.weight"] = storages["encoder.weight"]
    return OrderedDict((name, tensor(storages[name], a.shape)) for name, a in w.items())


def module(w, *, old=False, tied=False, **settings):
    """As a whole `RNNModel`.

    With `old` as PyTorch 0.3 wrote one from a graphics processor: parameters are made by a call of
    their class and then given a state, the LSTM's are parts of one storage, classes come with their
    text, and functions of PyTorch that no longer exist are called.
    """
    flat = [name for name in w if name.startswith("rnn.")]
    one = Storage("93893741", np.concatenate([w[n].reshape(-1) for n in flat]), location="cuda:0")
    starts = dict(zip(flat, np.cumsum([0, *(w[n].size for n in flat)]).tolist(), strict=False))

    def parameter(name):
        a = w[name]
        if not old:
            storage = Storage(name.replace(".", ""), np.ascontiguousarray(a).reshape(-1))
            function = Name("torch._utils", "_rebuild_parameter")
            return Call(function, (tensor(storage, a.shape), True, OrderedDict()))
        storage, start = (one, starts[name]) if name in starts else (None, 0)
        storage = storage or Storage(
            str(1000 + list(w).index(name)), a.reshape(-1), location="cuda:0"
        )
        value = tensor(storage, a.shape, start)
        made = Call(Name("torch._utils", "_rebuild_tensor"), value.arguments[:4])
        state = (True, False, OrderedDict())
        return Call(Name("torch.nn.parameter", "Parameter"), (made,), state)

    def part(cls, parameters=(), modules=(), **more):
        state = {
            "_parameters": OrderedDict(parameters),
            "_buffers": OrderedDict(),
            "_modules": OrderedDict(modules),
            "_forward_hooks": OrderedDict(),
            "training": False,
            **more,
        }
        if old:
            function = Name("torch.nn.backends.thnn", "_get_thnn_function_backend")
            state["_backend"] = Call(function, ())
        return Object(Source(cls) if old else cls, state)

    found = {name: parameter(name) for name in w}
    if tied:
        found["decoder.weight"] = found["encoder.weight"]

    def of(prefix):
        return [(n.removeprefix(f"{prefix}."), p) for n, p in found.items() if n.startswith(prefix)]

    width = w["rnn.weight_hh_l0"].shape[1]
    layers = sum("weight_hh" in name for name in w)
    ends = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    rnn = {
        "mode": "LSTM",
        "input_size": w["encoder.weight"].shape[1],
        "hidden_size": width,
        "num_layers": layers,
        "bidirectional": False,
        "dropout": 0.2,
        "dropout_state": {},
        "_all_weights": [[f"{end}_l{i}" for end in ends] for i in range(layers)],
    }
    if old:
        cls = Name("torch.backends.cudnn.rnn", "Unserializable")
        rnn |= {"_data_ptrs": [], "dropout_state": {"desc_0": Object(cls, "<unserializable>")}}
    else:
        names = [name for layer in rnn["_all_weights"] for name in layer]
        rnn["bias"] = True
        rnn["_flat_weights_names"] = names
        rnn["_flat_weights"] = [found.get(f"rnn.{name}") for name in names]
    encoder = part(
        Name("torch.nn.modules.sparse", "Embedding"), of("encoder"), max_norm=settings.get("norm")
    )
    lstm = part(
        Name("torch.nn.modules.rnn", "LSTM"),
        of("rnn"),
        **(rnn | {k: v for k, v in settings.items() if k != "norm"}),
    )
    decoder = part(Name("torch.nn.modules.linear", "Linear"), of("decoder"))
    drop = part(Name("torch.nn.modules.dropout", "Dropout"), p=0.2)
    parts = [("drop", drop), ("encoder", encoder), ("rnn", lstm), ("decoder", decoder)]
    return part(Name("model", "RNNModel"), modules=parts, rnn_type="LSTM", nhid=width)


WRITTEN = {
    "state": state_dict,
    "module": module,
    "old module": lambda w, **more: module(w, old=True, **more),
}
SMALL = arrays(vocab=3, embed=1, hidden=1, layers=1)
VALID = {
    f"{layout.__name__} {written}": layout(WRITTEN[written](SMALL))
    for layout in (legacy, archive)
    for written in ("state", "old module")
}
