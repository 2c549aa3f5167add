"""What a document may say of an API, section by section, and the spec that is made of it."""
