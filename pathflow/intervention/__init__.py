"""What a model computes when some of its nodes hold something else: re-runs, no derivatives."""

from ._along import PathsLike as PathsLike
from ._choice import Ablate as Ablate
from ._choice import AbstractChoice as AbstractChoice
from ._choice import Interventions as Interventions
from ._choice import Keep as Keep
from ._clean import Clean as Clean
from ._do import activations as activations
from ._do import do as do
from ._faithfulness import faithfulness as faithfulness
from ._intervention import AbstractIntervention as AbstractIntervention
from ._intervention import Apply as Apply
from ._intervention import Fix as Fix
from ._intervention import Mean as Mean
from ._intervention import OtherInput as OtherInput
from ._intervention import Resample as Resample
from ._intervention import Zero as Zero
