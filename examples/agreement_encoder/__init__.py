"""An encoder that tells a subject from an attractor, and agrees with it: the circuit, by paths."""
