"""Values of nodes and their local partials, compiled once per class."""
