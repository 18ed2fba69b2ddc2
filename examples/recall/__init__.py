"""A value is shown, others follow, and the first is asked for: which path carries it."""
