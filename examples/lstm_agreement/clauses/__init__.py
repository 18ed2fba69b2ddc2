"""Agreement across a clause: how the outer number gets past the inner verb."""
