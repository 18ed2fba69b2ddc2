"""Influences of paths, and the searches that go through them."""

from pathflow.influence._attribute import attribute as attribute
from pathflow.influence._predict import Footprint as Footprint
from pathflow.influence._predict import predict_memory as predict_memory
from pathflow.influence._search import AbstractSearch as AbstractSearch
from pathflow.influence._search import AbstractSizedSearch as AbstractSizedSearch
from pathflow.influence.aggregation._aggregate import Aggregate as Aggregate
from pathflow.influence.aggregation._conductance import Conductance as Conductance
from pathflow.influence.aggregation._execution import AbstractExecution as AbstractExecution
from pathflow.influence.aggregation._on_graph import OnGraph as OnGraph
from pathflow.influence.branching._greedy import Greedy as Greedy
from pathflow.influence.branching._topk import Above as Above
from pathflow.influence.branching._topk import TopK as TopK
from pathflow.influence.enumeration._enumerate import Enumerate as Enumerate
from pathflow.influence.enumeration._enumerate_to import EnumerateTo as EnumerateTo
from pathflow.influence.enumeration._merge import merge as merge
from pathflow.influence.enumeration._run_shards import run_shards as run_shards
from pathflow.influence.question._devices import Devices as Devices
from pathflow.influence.refinement._refine import Refine as Refine
from pathflow.influence.refinement._refine import refine as refine
from pathflow.influence.sampling._proposal import AbstractProposal as AbstractProposal
from pathflow.influence.sampling._proposal import Importance as Importance
from pathflow.influence.sampling._proposal import Uniform as Uniform
from pathflow.influence.sampling._sample import Sample as Sample
from pathflow.influence.streaming._streamed import aggregate as aggregate
from pathflow.influence.streaming._streamed_conductance import conductance as conductance
from pathflow.influence.streaming._streaming import Streaming as Streaming
