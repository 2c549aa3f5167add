"""A spec as a document: found, parsed, kept, its references followed, refused with file and line."""
