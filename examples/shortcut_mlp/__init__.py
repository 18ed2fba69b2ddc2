"""A network that takes a shortcut: how much of its decisions runs there, and closing it."""
