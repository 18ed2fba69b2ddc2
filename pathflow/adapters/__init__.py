"""Models of flax (linen and nnx), equinox and haiku, as their libraries write them: every module's
output and the gates of recurrent cells become nodes, without a change to the model.

An adapter imports its library only where the user already has.
"""

from pathflow.adapters import _recipes as _recipes
from pathflow.adapters._equinox import EQUINOX as EQUINOX
from pathflow.adapters._haiku import HAIKU as HAIKU
from pathflow.adapters._linen import LINEN as LINEN
from pathflow.adapters._nnx import NNX as NNX
from pathflow.adapters._select_modules import Gates as Gates
from pathflow.adapters._select_modules import Modules as Modules
from pathflow.adapters._select_modules import gates as gates
from pathflow.adapters._select_modules import modules as modules
