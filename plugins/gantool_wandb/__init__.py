"""Weights & Biases logging as a gantool plugin."""
