"""What is measured: sizes, points, threads and repeats."""

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Setting:
    """One measurement.

    Arguments:
        steps: words of the sentence (`T`); paths run from the first to the quantity of interest.
        layers: layers of the LSTM.
        units: width of every layer.
        embedding: width of the word embeddings.
        vocab: number of words.
        points: points of the midpoint rule on the line from the baseline to the first word.
        nodes: nodes of the Gauss rule that stands for those points.
        scale: factor on the initial weights; larger ones saturate the gates.
        seed: of the weights and sentences.
        threads: processors in use.
        repeats: rounds through all methods.
        sample: paths that are timed where one path at a time is differentiated.
        sentences: how many are asked how large the one path is that a method finds.
        trained: whether the model is the trained one that is shipped, with its own sizes.
    """

    steps: int
    layers: int = 2
    units: int = 650
    embedding: int = 650
    vocab: int = 1000
    points: int = 50
    nodes: int = 12
    scale: float = 1.0
    seed: int = 0
    threads: int = 2
    repeats: int = 5
    sample: int = 100
    sentences: int = 20
    trained: bool = False

    def to_json(self) -> str:
        """All of it, as a command-line argument for another process."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Setting":
        """The inverse of `to_json`."""
        return cls(**json.loads(text))
