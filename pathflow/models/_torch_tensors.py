"""The tensors of a PyTorch file in a safetensors file."""

import json
from pathlib import Path

from pathflow.models._tensor_file import write_tensors
from pathflow.models.torch_file import read_torch_file


def convert_torch_file(path: Path | str, out: Path | str) -> tuple[str, ...]:
    """Writes the parameters and buffers of a PyTorch file as a safetensors file, under their names.

    Nothing of the file is run, and PyTorch is not needed. What the file says of its modules in
    plain attributes (`rnn.hidden_size`) is in the new file's metadata, as JSON under `settings`.
    Which numbers a model shares is lost: each name has its own.

    Arguments:
        path: what `torch.save` wrote, a whole module or a `state_dict`.
        out: the file to write.

    Returns:
        The names of the tensors.

    Raises:
        CheckpointError: the file is missing, damaged, or holds something else.
    """
    found = read_torch_file(Path(path))
    settings = json.dumps(dict(found.settings), sort_keys=True)
    write_tensors(Path(out), found.tensors, {"format": "pt", "settings": settings})
    return tuple(found.tensors)
