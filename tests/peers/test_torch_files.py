"""Files that PyTorch itself wrote, and what PyTorch itself computes and reads.

Run where PyTorch is installed; skipped elsewhere.
"""

import sys
import types
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given

from pathflow._errors import CheckpointError
from pathflow.models import Vocabulary, load_torch_lm
from pathflow.models.torch_file import read_torch_file
from tests.fuzz._mutations import mutated
from tests.helpers._torch_lm import VALID, arrays, module, state_dict
from tests.helpers._torch_writer import archive, legacy

torch = pytest.importorskip("torch")

TOKENS = [3, 10, 3, 0, 7]


class RNNModel(torch.nn.Module):
    """The parts and names of PyTorch's example, and of the published models made from it."""

    def __init__(self, vocab, embed, hidden, layers, tied):
        super().__init__()
        self.drop = torch.nn.Dropout(0.2)
        self.encoder = torch.nn.Embedding(vocab, embed)
        self.rnn = torch.nn.LSTM(embed, hidden, layers, dropout=0.2 if layers > 1 else 0)
        self.decoder = torch.nn.Linear(hidden, vocab)
        if tied:
            self.decoder.weight = self.encoder.weight
        self.rnn_type, self.nhid, self.nlayers = "LSTM", hidden, layers

    def forward(self, tokens):
        return self.decoder(self.drop(self.rnn(self.drop(self.encoder(tokens)))[0]))


@pytest.fixture(autouse=True)
def _importable(monkeypatch):
    """The class is that of a module `model`, as in the published files."""
    model = types.ModuleType("model")
    model.RNNModel = RNNModel
    monkeypatch.setattr(RNNModel, "__module__", "model")
    monkeypatch.setitem(sys.modules, "model", model)


def saved(path, obj, new):
    torch.save(obj, path, _use_new_zipfile_serialization=new)
    return path


@pytest.mark.filterwarnings("ignore:Couldn't retrieve source code")
@pytest.mark.parametrize("new", [False, True])
@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize(
    ("embed", "hidden", "layers", "tied"), [(4, 5, 2, False), (5, 5, 1, True), (6, 3, 3, False)]
)
def test_logits_are_those_of_pytorch(tmp_path, new, whole, embed, hidden, layers, tied):
    torch.manual_seed(3)
    peer = RNNModel(11, embed, hidden, layers, tied).eval()
    path = saved(tmp_path / "lm.pt", peer if whole else peer.state_dict(), new)
    words = Vocabulary(("<unk>", "<eos>", *"abcdefghi"))
    model, _, _ = load_torch_lm(path, words)
    assert model.tied == tied
    with torch.no_grad():
        expected = peer(torch.tensor(TOKENS)).numpy()
    found, _ = model.logits(np.array(TOKENS))
    assert found.dtype == expected.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("new", [False, True])
@pytest.mark.parametrize(
    "dtype", ["float64", "float32", "float16", "bfloat16", "int64", "int8", "uint8", "bool"]
)
def test_numbers_and_views_are_those_of_pytorch(tmp_path, new, dtype):
    base = (torch.arange(24).reshape(4, 6) % 7).to(getattr(torch, dtype))
    written = {
        "whole": base,
        "turned": base.T,
        "sliced": base[1:4:2, 2:5],
        "empty": base[:0],
        "scalar": base[2, 3],
        "parameter": torch.nn.Parameter(base.clone(), requires_grad=base.is_floating_point()),
    }
    found = read_torch_file(saved(tmp_path / "t.pt", written, new)).tensors
    assert found.keys() == written.keys()
    for name, tensor in written.items():
        assert found[name].dtype.name == dtype
        peer = tensor.detach()
        wide = peer.float() if dtype == "bfloat16" else peer
        np.testing.assert_array_equal(found[name].astype(wide.numpy().dtype), wide.numpy())
    assert np.shares_memory(found["whole"], found["turned"])


@pytest.mark.parametrize("new", [False, True])
def test_what_has_no_plain_numbers_is_named(tmp_path, new):
    expanded = {"a": torch.ones(1).expand(5)}
    with pytest.raises(CheckpointError, match="overlaps itself"):
        read_torch_file(saved(tmp_path / "t.pt", expanded, new))
    with pytest.raises(CheckpointError, match="ComplexFloatStorage holds numbers .* not read"):
        read_torch_file(saved(tmp_path / "t.pt", {"a": torch.ones(2) * 1j}, new))
    sparse = {"a": torch.eye(3).to_sparse()}
    with pytest.raises(CheckpointError, match="a is an object of torch._utils._rebuild_sparse"):
        read_torch_file(saved(tmp_path / "t.pt", sparse, new))
    # A training's state holds more than a model.
    more = {"model": RNNModel(5, 2, 2, 1, False).state_dict(), "epoch": 3}
    with pytest.raises(CheckpointError, match="model is a dict of 7 entries, no tensor"):
        read_torch_file(saved(tmp_path / "t.pt", more, new))


@pytest.mark.filterwarnings("ignore:`torch.jit")
def test_torchscript_is_refused(tmp_path):
    program = torch.jit.trace(torch.nn.Linear(2, 2), torch.ones(2))
    program.save(tmp_path / "t.pt")
    with pytest.raises(CheckpointError, match="TorchScript"):
        read_torch_file(tmp_path / "t.pt")


@pytest.mark.parametrize("layout", [legacy, archive])
def test_pytorch_reads_what_the_tests_write(layout):
    """So what the other tests check is the layout of PyTorch, and not one of our own."""
    w = arrays(embed=3)
    w["decoder.weight"] = w["encoder.weight"]
    found = torch.load(BytesIO(layout(state_dict(w, tied=True))), weights_only=True)
    assert found.keys() == w.keys()
    for name, array in w.items():
        np.testing.assert_array_equal(found[name].numpy(), array)
    whole = torch.load(BytesIO(layout(module(w, tied=True))), weights_only=False)
    assert isinstance(whole, RNNModel)
    for name, parameter in whole.named_parameters():
        np.testing.assert_array_equal(parameter.detach().numpy(), w[name])


@given(mutated(VALID))
def test_a_damaged_file_means_what_pytorch_says(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "damaged.pt"
    path.write_bytes(content)
    try:
        found = read_torch_file(path).tensors
    except CheckpointError:
        return
    if read_torch_file(path).settings:
        return
    peer = torch.load(path, weights_only=True)
    assert found.keys() == peer.keys()
    for name, tensor in peer.items():
        np.testing.assert_array_equal(found[name], tensor.detach().numpy())


def test_the_files_that_are_damaged_are_good_before():
    states = [content for name, content in VALID.items() if "state" in name]
    assert len(states) == 2
    for content in states:
        assert len(torch.load(BytesIO(content), weights_only=True)) == 7
