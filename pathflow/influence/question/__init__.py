"""What is asked, checked; its points of interest, and what answers are checked against."""
