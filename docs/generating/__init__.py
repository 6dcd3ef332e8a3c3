"""What writes the pages that follow from the code, one module a page."""
