"""A call and what can be said of it: its life, what becomes of it, who picks up, and how a vendor shows it."""
