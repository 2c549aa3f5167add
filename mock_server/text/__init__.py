"""Texts that somebody else wrote: JSON, forms and queries, read within bounds."""
