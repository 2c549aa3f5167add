"""Plain words of the harness: findings, facts, pointers, shapes; data that every other room speaks with."""
