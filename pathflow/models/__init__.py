"""Reference language models, their training and their checkpoints."""

from pathflow.models._checkpoint import Checkpoint as Checkpoint
from pathflow.models._checkpoint import ModelCard as ModelCard
from pathflow.models._checkpoint import load_checkpoint as load_checkpoint
from pathflow.models._checkpoint import save_checkpoint as save_checkpoint
from pathflow.models._config import TrainConfig as TrainConfig
from pathflow.models._corpus import AbstractCorpus as AbstractCorpus
from pathflow.models._corpus import Batch as Batch
from pathflow.models._corpus import Position as Position
from pathflow.models._corpus import SentenceCorpus as SentenceCorpus
from pathflow.models._corpus import batches as batches
from pathflow.models._evaluate import perplexity as perplexity
from pathflow.models._lstm import LSTMLanguageModel as LSTMLanguageModel
from pathflow.models._lstm import LSTMState as LSTMState
from pathflow.models._objectives import AbstractObjective as AbstractObjective
from pathflow.models._objectives import Candidates as Candidates
from pathflow.models._objectives import FullSoftmax as FullSoftmax
from pathflow.models._objectives import SampledSoftmax as SampledSoftmax
from pathflow.models._recurrence import LayerState as LayerState
from pathflow.models._train import train as train
from pathflow.models._vocabulary import Vocabulary as Vocabulary
