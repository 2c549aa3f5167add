"""One vendor's server as the harness may use it: its records, reading them back, and undoing what was done."""
