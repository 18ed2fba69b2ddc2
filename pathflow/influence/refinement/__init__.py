"""Paths taken apart at their nodes."""
