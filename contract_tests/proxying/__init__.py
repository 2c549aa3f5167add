"""The proxy between an application and an endpoint: what may pass, what is said instead, and who judges it."""
