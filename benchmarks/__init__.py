"""Timings of pathflow beside other ways to the same numbers, each checked against the others."""
