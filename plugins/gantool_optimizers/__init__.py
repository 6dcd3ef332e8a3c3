"""Torch's optimizers as a gantool plugin."""
