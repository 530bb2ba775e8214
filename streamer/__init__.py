"""From NOTIFY to browser: each stored trade in a frame of its own, resumable by cursor."""
