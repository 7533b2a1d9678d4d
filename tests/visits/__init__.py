"""Visitors at the server as it is run."""
