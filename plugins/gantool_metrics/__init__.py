"""Scores of generated images, and the feature networks they are computed with, as a plugin."""
