"""Promises, kind by kind: a module for each kind of component, a function for each promise."""
