"""The vendors' pages that specs cite: kept by their sentences, and compared with what they say now."""
