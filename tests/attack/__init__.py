"""What an attack on a Ringback found, kept: each case as a test against a server process on a real port."""
