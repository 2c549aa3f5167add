"""What a server says of itself: that it is up, what it serves, its specs and its figures."""
