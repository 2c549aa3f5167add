"""Experiments: each file one family of properties, with the recorder that collects what they find."""
