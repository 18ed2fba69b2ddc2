"""Other libraries' quantities as special cases of ours; skipped where those are not installed."""
