"""HTTP in, answers out: the only place, besides `app`, that knows Flask."""
