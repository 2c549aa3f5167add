"""The way to a server: what may be sent, how it is sent, and a mock of our own; the only room that opens a socket."""
