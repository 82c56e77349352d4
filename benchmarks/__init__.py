"""Measurements that take minutes: `python -m benchmarks` runs them, prints their tables and keeps their numbers."""
