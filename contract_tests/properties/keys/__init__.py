"""Whose key it is: other accounts, and secrets that are given back."""
