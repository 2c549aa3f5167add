"""What every control request goes through: who may ask, its space, body and filters, and how errors are told."""
