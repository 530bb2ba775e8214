"""Telling people what is wrong: by a webhook, by mail, and always in the log."""
