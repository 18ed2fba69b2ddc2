"""Where partials are taken (distributions of interest) and of what (quantities of interest).

The two combine freely: `attribute(..., doi=Line(...), qoi=Logit(...))`. A new one of either kind is
a subclass of `AbstractDoI`, `AbstractQoI` or `AbstractRule`; nothing else needs to know of it.
"""

from ._doi import AbstractDoI as AbstractDoI
from ._doi import DoIPoints as DoIPoints
from ._gauss import DiscreteGauss as DiscreteGauss
from ._gaussian import Gaussian as Gaussian
from ._line import Line as Line
from ._point import Point as Point
from ._qoi import AbstractQoI as AbstractQoI
from ._qoi import Custom as Custom
from ._qoi import Logit as Logit
from ._qoi import LogitDifference as LogitDifference
from ._qoi import SetDifference as SetDifference
from ._qoi import as_quantity as as_quantity
from ._rules import AbstractRule as AbstractRule
from ._rules import GaussLegendre as GaussLegendre
from ._rules import Midpoint as Midpoint
from ._rules import RightRiemann as RightRiemann
from ._rules import Trapezoid as Trapezoid
from ._samples import Samples as Samples
