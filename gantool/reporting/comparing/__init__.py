"""A comparison of runs, shown: in words, as a table, as a page."""
