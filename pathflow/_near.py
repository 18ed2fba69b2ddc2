"""Names that come near to one that is none, for messages."""

from collections.abc import Iterable
from difflib import get_close_matches


def close_matches(wanted: str, names: Iterable[str]) -> str:
    """`close matches: a, b`, five at most and the most similar first; empty where none is like it.

    So that a message goes on otherwise: `close_matches(word, words) or "none is like it"`.
    """
    near = get_close_matches(wanted, list(names), n=5, cutoff=0.5)
    return f"close matches: {', '.join(near)}" if near else ""
