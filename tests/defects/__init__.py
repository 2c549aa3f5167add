"""Planted defects: servers that break the contract in one way each, which the harness must find."""
