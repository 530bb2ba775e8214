"""Benchmarks: `make bench`. Ratios against a limit or peer of the same run, interleaved."""
