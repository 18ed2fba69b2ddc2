"""Paths drawn at random."""
