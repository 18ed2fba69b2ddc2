"""Sentences: words, tasks, generators and readers of published files."""
