"""Examining what stands before the server, and the server itself: `python -m chatbot doctor`."""
