"""The mathematics of a whole sum. No path and no registry."""
