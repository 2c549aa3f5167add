"""What a write does: to its record, to the others, alone, again, and many at once."""
