"""Notes as a terminal may have them."""

import logging

from pathflow._printable import printable


class Printable(logging.Formatter):
    """Notes without what steers a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        return printable(super().format(record))
