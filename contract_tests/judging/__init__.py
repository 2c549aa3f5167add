"""What an exchange says about the documentation: exchange in, verdicts out; it sends nothing."""
