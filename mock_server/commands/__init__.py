"""The `ringback` command: serving, listing operations, and what speaks to a running server."""
