"""What a loaded spec is made of, how each statement is known, and how a message differs from it."""
