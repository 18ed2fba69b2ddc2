"""Sums over classes of paths on the graph: one tangent per node and state."""
