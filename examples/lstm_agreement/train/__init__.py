"""The shipped models, from their text to their checkpoints."""
