"""Calls in a row over one world: the scenario of a vendor, and random walks that shrink."""
