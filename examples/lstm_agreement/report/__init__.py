"""Everything that was measured of a model, on one page that stands alone."""
