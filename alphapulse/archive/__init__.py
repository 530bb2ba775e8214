"""Every DuckDB statement, and the only door to DuckDB. One file per product."""
