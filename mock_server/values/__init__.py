"""What a server makes up: ids, and telephone numbers that ring nobody."""
