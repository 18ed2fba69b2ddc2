"""Concepts other than a verb's number, each a few lines of configuration."""
