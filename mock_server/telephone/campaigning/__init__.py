"""What the clock moves: calls step by step, and campaigns, which place them lead by lead."""
