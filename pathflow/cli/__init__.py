"""The command line: `pathflow trace`, `attribute`, `aggregate`, `top`, `view`, `convert` and
`agreement`. It parses, calls what is public in `pathflow`, and prints.
"""

from ._main import main as main
from ._problem import Problem as Problem
