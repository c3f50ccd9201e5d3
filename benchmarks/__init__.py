"""How fast the project is, beside its peers in the same run: `python -m benchmarks`."""
