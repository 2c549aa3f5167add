"""The socket: the web server, connections broken on purpose, live streams."""
