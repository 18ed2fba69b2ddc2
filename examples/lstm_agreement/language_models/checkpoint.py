"""The model of the study, from the project's own format or from PyTorch's."""

from pathlib import Path

from examples.lstm_agreement.errors import StudyError
from pathflow.models import Checkpoint, load_checkpoint, load_torch_lm, read_vocabulary

N_LAYERS = 2
# A zip archive, or a pickle of protocol 2: the layouts of torch.save.
_PYTORCH = (b"PK\x03\x04", b"\x80\x02")


def open_checkpoint(path: Path, words: Path | None = None) -> Checkpoint:
    """Reads a model and its words.

    Arguments:
        path: a file that `save_checkpoint` or PyTorch wrote.
        words: the words of a model of PyTorch, one per line; the other files have them inside.

    Raises:
        StudyError: a file of PyTorch comes without words, or another one with them; the model has
            not the two layers whose paths the study is about.
        CheckpointError: a file is missing, damaged, or holds something else.
    """
    if path.is_file():
        with path.open("rb") as file:
            pytorch = file.read(4).startswith(_PYTORCH)
        if pytorch and words is None:
            raise StudyError(
                f"{path} is a file of PyTorch, which has no words in it; name the file of its "
                "words with --vocab."
            )
        if not pytorch and words is not None:
            raise StudyError(
                f"{path} is no file of PyTorch, and a model in pathflow's format has its words "
                "inside; leave out --vocab."
            )
    found = load_checkpoint(path) if words is None else load_torch_lm(path, read_vocabulary(words))
    if found.model.n_layers != N_LAYERS:
        raise StudyError(
            f"{path} holds a model of {found.model.n_layers} layers; the study is about the paths "
            f"of {N_LAYERS}."
        )
    return found
