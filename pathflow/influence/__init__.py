"""Influences of paths, and the searches that go through them."""

from pathflow.influence._aggregate import Aggregate as Aggregate
from pathflow.influence._attribute import attribute as attribute
from pathflow.influence._conductance import Conductance as Conductance
from pathflow.influence._enumerate import Enumerate as Enumerate
from pathflow.influence._execution import AbstractExecution as AbstractExecution
from pathflow.influence._greedy import Greedy as Greedy
from pathflow.influence._on_graph import OnGraph as OnGraph
from pathflow.influence._proposal import AbstractProposal as AbstractProposal
from pathflow.influence._proposal import Importance as Importance
from pathflow.influence._proposal import Uniform as Uniform
from pathflow.influence._refine import Refine as Refine
from pathflow.influence._refine import refine as refine
from pathflow.influence._sample import Sample as Sample
from pathflow.influence._search import AbstractSearch as AbstractSearch
from pathflow.influence._streamed import aggregate as aggregate
from pathflow.influence._streamed_conductance import conductance as conductance
from pathflow.influence._streaming import Streaming as Streaming
from pathflow.influence._topk import Above as Above
from pathflow.influence._topk import TopK as TopK
