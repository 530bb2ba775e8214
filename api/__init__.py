"""What is stored, over HTTP: read-only, for programs and for the dashboard that it serves."""
