"""Scores of a generator, by metrics, with their protocol."""
