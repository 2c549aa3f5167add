"""What recordings correct in a spec: edits of its text, each taken alone, each tried before it is offered."""
