"""Other methods on the same sentences, and what paths add to them."""
