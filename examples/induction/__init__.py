"""A word that was there before is followed by what followed it then: the circuit, by paths."""
