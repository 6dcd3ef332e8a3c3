"""A plugin's package that does not state its interface."""
