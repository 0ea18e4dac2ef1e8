"""Smoke tests and benchmarks of generation on the device at hand."""
