"""Files of `torch.save`, read without PyTorch and without running anything of them.

`_machine` runs the pickle of a file on inert values (`_objects`), for which `_meaning` says which
names are more than names; `_legacy` and `_archive` know where pickle and numbers are in a file, and
`_bytes` that they end; `_read` finds the tensors of a module by name.
"""

from pathflow.models.torch_file._read import TorchFile as TorchFile
from pathflow.models.torch_file._read import read_torch_file as read_torch_file
