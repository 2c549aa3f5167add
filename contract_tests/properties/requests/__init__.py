"""How requests are taken: documented, valid and invalid ones, other methods and spellings, the bytes on the wire."""
