"""Between a provider and a client: heartbeats, departures, and one truthful end."""
