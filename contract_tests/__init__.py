"""The harness: checks any server against the vendors' specs. It knows the specs, and no behaviour of the mock."""
