"""Text that a terminal shows, and does not obey."""

import re

# Control characters but line feed and tab, what turns the direction of reading, and halves of
# pairs of surrogates, which no encoding has.
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str) -> str:
    r"""A text with escapes as in Python's texts (`\x1b`) in the place of what steers a terminal.

    Labels and metadata of a saved result are a stranger's where its folder is.
    """
    return _UNSAFE.sub(lambda m: m[0].encode("unicode_escape", "surrogatepass").decode(), text)
