"""Paths grown from the source: the first ones with a proof, or the one of the largest flow."""
