"""The one command: it starts, watches and stops the other rooms."""
