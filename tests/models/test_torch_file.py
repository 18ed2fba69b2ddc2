"""Files of PyTorch, written here without it: what is in them comes out, or an error."""

import io
import pickletools
import struct
import tracemalloc
import zipfile
from collections import OrderedDict

import jax.numpy as jnp
import numpy as np
import pytest

from pathflow._errors import CheckpointError
from pathflow.models.torch_file import read_torch_file
from tests.helpers._torch_lm import arrays, module, state_dict
from tests.helpers._torch_writer import (
    SYSTEM,
    Call,
    Name,
    Object,
    Storage,
    archive,
    legacy,
    pickled,
    tensor,
)

each_layout = pytest.mark.parametrize("layout", [legacy, archive])
NUMBERS = np.arange(24, dtype=np.float32)


@pytest.fixture
def read(tmp_path):
    def read(content):
        path = tmp_path / "model.pt"
        path.write_bytes(content)
        return read_torch_file(path)

    return read


@pytest.fixture
def refuses(read):
    def refuses(content, message):
        with pytest.raises(CheckpointError, match=message) as caught:
            read(content)
        assert "model.pt" in str(caught.value)
        assert len(str(caught.value)) < 1000

    return refuses


def same(found, expected):
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)


@each_layout
def test_a_state_dict_comes_back(read, layout):
    w = arrays()
    found = read(layout(state_dict(w)))
    same(found.tensors, w)
    assert found.settings == {}


@each_layout
@pytest.mark.parametrize("old", [True, False])
def test_a_whole_module_comes_back(read, layout, old):
    w = arrays()
    found = read(layout(module(w, old=old)))
    same(found.tensors, w)
    assert found.settings["rnn.mode"] == "LSTM"
    assert found.settings["rnn_type"] == "LSTM"
    assert found.settings["encoder.max_norm"] is None
    assert found.settings["drop.p"] == 0.2


@each_layout
def test_shared_numbers_are_read_once(read, layout):
    found = read(layout(state_dict(arrays(embed=3), tied=True))).tensors
    assert np.shares_memory(found["encoder.weight"], found["decoder.weight"])
    assert not found["encoder.weight"].flags.writeable


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_every_binary_protocol(read, protocol):
    w = arrays()
    content, storages = pickled(state_dict(w), protocol)
    whole = legacy(state_dict(w))
    usual = pickled(state_dict(w))[0]
    assert whole.count(usual) == 1
    same(read(whole.replace(usual, content)).tensors, w)
    assert len(storages) == len(w)


@each_layout
def test_views(read, layout):
    storage = Storage("5", NUMBERS)
    found = read(
        layout(
            {
                "rows": tensor(storage, (2, 3), offset=6),
                "turned": tensor(storage, (3, 2), strides=(1, 3)),
                "sliced": tensor(storage, (2, 2, 2), offset=1, strides=(8, 4, 2)),
                "one": tensor(storage, (1, 1), strides=(99, 0)),
                "scalar": tensor(storage, (), offset=23),
                "none": tensor(storage, (0, 5)),
                "all": tensor(storage, (24,)),
            }
        )
    ).tensors
    same(
        found,
        {
            "rows": NUMBERS[6:12].reshape(2, 3),
            "turned": NUMBERS[:6].reshape(2, 3).T,
            "sliced": np.array([[[1, 3], [5, 7]], [[9, 11], [13, 15]]], np.float32),
            "one": NUMBERS[:1].reshape(1, 1),
            "scalar": NUMBERS[23],
            "none": np.zeros((0, 5), np.float32),
            "all": NUMBERS,
        },
    )


def test_a_part_of_a_storage(read, refuses):
    """PyTorch before 0.4 could store one."""
    whole = Storage("5", NUMBERS)
    part = Storage("5", NUMBERS, view=("6", 10, 4))
    found = read(legacy({"a": tensor(part, (4,)), "b": tensor(whole, (2,))}))
    same(found.tensors, {"a": NUMBERS[10:14], "b": NUMBERS[:2]})
    refuses(legacy({"a": tensor(part, (5,))}), "reaches the number 4 of a storage of 4")
    beyond = Storage("5", NUMBERS, view=("6", 22, 4))
    refuses(legacy({"a": tensor(beyond, (1,))}), "ends at 26 of 24")
    odd = Storage("5", NUMBERS, view=("6", 22))
    refuses(legacy({"a": tensor(odd, (1,))}), "describes no part")


@each_layout
@pytest.mark.parametrize("dtype", ["<f8", "<f2", "<i8", "|u1"])
def test_other_numbers(read, layout, dtype):
    values = np.arange(6).astype(dtype)
    found = read(layout({"a": tensor(Storage("1", values), (2, 3))})).tensors
    same(found, {"a": values.reshape(2, 3)})


def test_bfloat16(read):
    values = np.asarray(jnp.array([1.5, -2.0, 3e38], jnp.bfloat16))
    storage = Storage("1", values, kind="BFloat16Storage")
    found = read(legacy({"a": tensor(storage, (3,))})).tensors
    same(found, {"a": values})


def test_python_2_wrote_texts_as_bytes_and_entries_as_pairs(read):
    body, storages = pickled([["a", tensor(Storage("1", NUMBERS), (24,))]])
    body = body.removesuffix(b".").removeprefix(b"\x80\x02")
    body = b"\x80\x02ccollections\nOrderedDict\n" + body + b"\x85R."
    body = body.replace(b"X\x01\x00\x00\x00a", b"U\x01a")
    whole = legacy({"a": tensor(Storage("1", NUMBERS), (24,))})
    usual = pickled({"a": tensor(Storage("1", NUMBERS), (24,))})[0]
    same(read(whole.replace(usual, body)).tensors, {"a": NUMBERS})
    assert storages.keys() == {"1"}


def test_either_byte_order_of_an_archive(read, refuses):
    w = state_dict(arrays())
    same(read(archive(w, order=b"big")).tensors, arrays())
    same(read(archive(w, without=("byteorder",))).tensors, arrays())
    refuses(archive(w, order=b"middle"), "byteorder says b'middle'")
    refuses(archive(w, order=b"neither"), "byteorder has 7 bytes, and torch.save writes no more")


def test_the_other_byte_order_of_the_old_layout_is_refused(refuses):
    system = SYSTEM | {"little_endian": False}
    refuses(legacy(state_dict(arrays()), system=system), "lowest byte first")
    refuses(legacy(state_dict(arrays()), system=[]), "lowest byte first")


TENSORS = {
    "offset": ((4,), 21, (1,), "reaches the number 24 of a storage of 24"),
    "size": ((5, 5), 0, (5, 1), "reaches the number 24"),
    "stride": ((2, 2), 0, (23, 1), "reaches the number 24"),
    "huge": ((2**40,), 0, (1,), "reaches the number 1099511627775"),
    "large": ((2**62,), 0, (1,), "must be a number from 0 to 2"),
    "negative size": ((-1,), 0, (1,), "a size of a tensor is -1"),
    "negative stride": ((2,), 5, (-1,), "a stride of a tensor is -1"),
    "negative offset": ((2,), -1, (1,), "the offset of a tensor is -1"),
    "expanded": ((2**50,), 0, (0,), "overlaps itself"),
    "overlapping": ((4, 4), 0, (2, 1), "overlaps itself"),
    "axes": ((2, 3), 0, (1,), "not one stride per axis"),
    "many axes": ((1,) * 33, 0, (1,) * 33, "up to 32 numbers"),
    "empty": ((0, 2**50), 0, (1, 1), "outside of its storage"),
    "empty far": ((0,), 25, (1,), "outside of its storage"),
    "empty wide": ((0, *[2**31] * 3), 0, (1,) * 4, "is no array"),
    "truth": ((True,), 0, (1,), "a size of a tensor is True"),
    "text": (("1",), 0, (1,), "a size of a tensor is '1'"),
    "number": (3, 0, (1,), "must be up to 32 numbers"),
}


@pytest.mark.parametrize("name", TENSORS)
@each_layout
def test_tensors_outside_of_their_storage(refuses, layout, name):
    shape, offset, strides, message = TENSORS[name]
    function = Name("torch._utils", "_rebuild_tensor_v2")
    made = Call(function, (Storage("1", NUMBERS), offset, shape, strides))
    refuses(layout({"a": made}), message)


def test_tensors_that_are_none(refuses):
    function = Name("torch._utils", "_rebuild_tensor_v2")
    refuses(legacy({"a": Call(function, (None, 0, (1,), (1,)))}), "stands where the storage")
    refuses(legacy({"a": Call(function, ())}), "takes 4 or more")
    parameter = Name("torch._utils", "_rebuild_parameter")
    refuses(legacy({"a": Call(parameter, (1, True))}), "without a tensor")
    quantised = Name("torch._utils", "_rebuild_qtensor")
    refuses(legacy({"a": Call(quantised, ())}), "a is an object of torch._utils._rebuild_qtensor")


@each_layout
def test_storages_that_are_none(refuses, layout):
    a = (24,)
    kinds = {"ComplexFloatStorage": "not read here", "load": "not read here"}
    for kind, message in kinds.items():
        refuses(layout({"a": tensor(Storage("1", NUMBERS, kind=kind), a)}), message)
    for size in (-1, 2**61, True, "1"):
        storage = Storage("1", NUMBERS, declared=size)
        refuses(layout({"a": tensor(storage, (1,))}), "the size of the storage")
    refuses(layout({"a": tensor(Storage(7, NUMBERS), a)}), "7 is no key")
    two = [Storage("1", NUMBERS), Storage("1", NUMBERS, kind="LongStorage")]
    both = {"a": tensor(two[0], a), "b": tensor(two[1], (12,))}
    refuses(layout(both), "24 numbers of type float32 in one place and 24 of type int64")
    larger = {"a": tensor(Storage("1", NUMBERS, declared=25), a)}
    refuses(layout(larger), "has 24 numbers, and the object says 25|has 96 bytes.* take 100")


def test_storages_that_the_old_layout_lists(refuses):
    w = {"a": tensor(Storage("1", NUMBERS), (24,))}
    refuses(legacy(w, keys=[]), "'1' is used, and not in the file")
    refuses(legacy(w, keys=["1", "2"]), "'2' is in the file, and nothing says what it holds")
    refuses(legacy(w, keys=["1", "1"]), "names one twice")
    refuses(legacy(w, keys=[1]), "not one of texts")
    refuses(legacy(w, keys={}), "a dict of 0 entries, and not one of texts")
    refuses(legacy(w, tail=b"x"), "1 bytes too many")
    refuses(legacy(w, magic=7), "not the one that torch.save begins with")
    refuses(legacy(w, version=1000), "the layout has version 1000, and 1001 is read")


def test_what_is_not_asked_for_is_passed_over(read):
    """Buffers that are missing, hooks and other state hold no parameter."""
    extra = Object(Name("m", "M"), {"t": tensor(Storage("0", NUMBERS), (24,))})
    state = {
        "_parameters": OrderedDict(a=tensor(Storage("1", NUMBERS[:3]), (3,)), b=None),
        "_buffers": OrderedDict(c=tensor(Storage("2", NUMBERS[3:5]), (2,))),
        "_modules": OrderedDict(none=None),
        "optimiser": extra,
    }
    found = read(legacy(Object(Name("m", "M"), state))).tensors
    same(found, {"a": NUMBERS[:3], "c": NUMBERS[3:5]})


def test_archives_that_torch_does_not_write(refuses):
    w = state_dict(arrays())
    refuses(archive(w, without=("data/3",)), "the storage '3' is used, and not in the file")
    refuses(archive(w, without=("data.pkl",)), "with 0 files FOLDER/data.pkl")
    refuses(archive(w, extra=[("b/data.pkl", b"N.")]), "with 2 files FOLDER/data.pkl")
    refuses(archive(w, extra=[("archive/constants.pkl", b"N.")]), "TorchScript")
    for name in ("../a", "/a", "a/../../b", "..\\a", "c:/a"):
        refuses(archive(w, extra=[(name, b"")]), "leads out of the archive")
    with pytest.warns(UserWarning, match="Duplicate name"):
        twice = archive(w, extra=[("archive/data/0", b"")])
    refuses(twice, "15 entries with 14 different names")
    refuses(archive({"a": tensor(Storage("../x", NUMBERS), (24,))}), "leads out")


def test_a_bomb_is_not_unpacked(refuses):
    zeros = bytes(2**24)
    content = archive(
        state_dict(arrays()), extra=[("archive/data/99", zeros)], compress=("archive/data/99",)
    )
    assert len(content) < 2**16
    tracemalloc.start()
    try:
        refuses(content, "'archive/data/99' is compressed")
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


def test_entries_that_share_bytes_or_claim_more_than_there_is(refuses):
    content = bytearray(archive(state_dict(arrays())))
    start = content.index(b"PK\x01\x02")
    # Size and packed size of the first entry of the directory.
    content[start + 20 : start + 28] = struct.pack("<II", 2**31, 2**31)
    refuses(bytes(content), "larger together than the file")
    content[start + 20 : start + 28] = struct.pack("<II", 8, 2**31)
    refuses(bytes(content), "is compressed")
    end = content.index(b"PK\x05\x06")
    content[end + 12 : end + 16] = struct.pack("<I", 2**31)
    refuses(bytes(content), "no complete zip archive")


def test_a_directory_that_fills_memory_is_not_read(refuses):
    refuses(_wide_directory(2**26), "its directory is said to have 67108864 bytes")


def _wide_directory(size):
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 1, 1, size, 4, 0)
    return b"PK\x03\x04" + bytes(size) + end


def test_a_flipped_bit_of_an_archive_is_seen(refuses):
    content = bytearray(archive({"a": tensor(Storage("1", NUMBERS), (24,))}))
    content[content.index(NUMBERS.tobytes()) + 5] ^= 1
    refuses(bytes(content), "Bad CRC-32")


@each_layout
def test_a_file_cut_anywhere_is_refused(read, layout):
    content = layout(state_dict(arrays(vocab=3, embed=1, hidden=1, layers=1)))
    for end in {*range(0, len(content), 7), len(content) - 1}:
        with pytest.raises(CheckpointError):
            read(content[:end])


def test_other_files(refuses, read, tmp_path):
    for content in (b"", b"\x1f\x8b", b"ustar", b"a" * 600):
        refuses(content, "starts with .* and a file of torch.save")
    with pytest.raises(CheckpointError, match="There is no checkpoint"):
        read_torch_file(tmp_path / "absent.pt")
    with pytest.raises(CheckpointError, match="is no file"):
        read_torch_file(tmp_path)
    refuses(b"PK\x03\x04" + bytes(100), "no complete zip archive")


def test_an_encrypted_or_strange_archive_is_refused(read):
    content = archive({"a": tensor(Storage("1", NUMBERS), (24,))})
    start = content.index(b"PK\x01\x02")
    for at in range(start, len(content)):
        for bit in (1, 0x80):
            changed = bytearray(content)
            changed[at] ^= bit
            try:
                found = read(bytes(changed))
            except CheckpointError:
                continue
            same(found.tensors, {"a": NUMBERS})


def test_the_writer_is_that_of_the_standard_library():
    """What the tests write, others read: the archive is one, and the pickle has its opcodes."""
    content = archive(module(arrays(), old=True))
    with zipfile.ZipFile(io.BytesIO(content)) as opened:
        assert opened.testzip() is None
        names = {name for name, _, _ in pickletools.genops(opened.read("archive/data.pkl"))}
    assert {op.name for op in names} >= {"GLOBAL", "REDUCE", "BUILD", "BINPERSID"}
