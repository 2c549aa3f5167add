"""What QA moves: faults, choices, the journal, rewinding, near misses, the clock."""
