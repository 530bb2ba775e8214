"""Faults by a seeded schedule while exchanges of our own trade on; then everything is compared.

`make chaos`, or `python -m chaos --help`. What it injects and compares: docs/reliability.md.
"""
