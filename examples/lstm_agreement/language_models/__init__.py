"""Language models: reading them, how well they agree, how saturated their cells are."""
