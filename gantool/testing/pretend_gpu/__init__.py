"""A GPU that torch believes in: what would be on the wrong device there, or wait, is found."""
