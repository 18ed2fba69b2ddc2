"""Other ways to the influences, in PyTorch; one per file."""

from benchmarks._baselines._captum import captum_layers as captum_layers
from benchmarks._baselines._captum import captum_total as captum_total
from benchmarks._baselines._chain import Chain as Chain
from benchmarks._baselines._depth_first import DepthFirst as DepthFirst
from benchmarks._baselines._found import Found as Found
from benchmarks._baselines._found import Through as Through
from benchmarks._baselines._guided import Guided as Guided
from benchmarks._baselines._meet import Meet as Meet
from benchmarks._baselines._products import Products as Products
