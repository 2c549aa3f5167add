"""Independent servers that keep to the vendors' pages, and decide for themselves wherever these are silent."""
