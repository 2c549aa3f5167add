"""What reading shows: lists, filters, searches, and the record that was asked for."""
