"""Measurements; ``make bench`` runs them and prints what goes into docs/benchmarks.md."""
