"""What experiments share: the recorder of what they find, and the generators of what they send."""
