"""Contracts as callables: what a package's own tests, and anybody's, call to hold it to its word.

- `modality.check_modality`: every law of the contract of a modality.
- `heads`: the laws of a head.
- `oracles`: simulators whose exact likelihood is known.
"""
