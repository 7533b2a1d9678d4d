"""A chat gateway and widget that answer from the first token."""

__version__ = "0.1.0"
