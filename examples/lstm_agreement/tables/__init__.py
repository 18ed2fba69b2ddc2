"""Influences of a noun's number, and the tables of the paper that they make."""
