"""Many models instead of one: seeds, sizes, and other architectures."""
