"""Providers: how one is asked, how its answer is read, and what each of its failures means."""
