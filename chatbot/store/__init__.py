"""SQL at the edge: bots, keys, conversations, on SQLite or PostgreSQL with the same answers."""
