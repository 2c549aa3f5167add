"""From the bytes of a request to those of an answer: bodies within bounds, outcomes, long lists in batches."""
