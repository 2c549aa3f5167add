"""Keys: told apart without being told, nearly right on purpose, and kept out of what is written down."""
