"""What a server process holds at most, and what it tells: limits, logs, metrics, its terminal."""
