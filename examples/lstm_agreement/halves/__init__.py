"""Whether paths of rank 1 are the same where they were not found."""
