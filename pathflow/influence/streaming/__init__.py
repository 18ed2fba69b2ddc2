"""Sums over classes of paths of a function as it is: no graph, no unrolling."""
