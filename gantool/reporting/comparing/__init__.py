"""A comparison of runs in words, as a table, as a page."""
