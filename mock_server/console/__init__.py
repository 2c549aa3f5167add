"""The page at `/_ringback/console`: files for a browser, served as they are, and what a browser may do with them."""
