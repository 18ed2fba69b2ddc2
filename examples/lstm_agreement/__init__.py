"""The agreement study of the paper, on the public API only."""
