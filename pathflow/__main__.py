"""`python -m pathflow`, the same as the command `pathflow`."""

import sys

from pathflow.cli import main

if __name__ == "__main__":
    sys.exit(main())
