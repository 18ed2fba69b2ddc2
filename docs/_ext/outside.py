"""Links from a page to a document outside of `docs` become its path, which is right in a clone."""

import re

from sphinx.application import Sphinx

_LINK = re.compile(r"(?<!!)\[([^\]]+)\]\((?:\.\./)+([^)]+\.md)\)")


def name_the_path(_app: Sphinx, page: str, source: list[str]) -> None:
    """Replaces such links in the text of a page."""
    # A page in a folder of its own may go up one level and still be inside.
    if "/" not in page:
        source[0] = _LINK.sub(r"\1 (`\2`)", source[0])


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("source-read", name_the_path)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
