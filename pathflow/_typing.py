"""Array types that several layers share.

A string after the dtype names the axes: `B` examples, `paths` path ranks, `N` points of a
distribution of interest. The annotations are documentation at run time; the tests check them with
beartype.
"""

import numpy as np
from jaxtyping import Bool, Float, Integer, Shaped

# One influence per path in rank order, with or without a leading example axis.
Influences = Float[np.ndarray, "*B paths"]
PathMask = Bool[np.ndarray, " paths"]
Ranks = Integer[np.ndarray, " k"]
# int64, or Python ints in an object array where a count exceeds int64.
ExactRanks = Shaped[np.ndarray, " prefixes"]
