"""Recordings of exchanges: HAR in and out, masking, recognising, judging again, replaying."""
