"""A specialist trained from scratch, or a local folder trained further: read, train, convert, register."""
