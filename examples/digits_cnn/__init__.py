"""Along which channels and blocks a convolutional network tells a 3 from an 8."""
