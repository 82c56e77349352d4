"""When, where, how many at once, and what if it fails. No arithmetic here, no torch, no zarr."""
