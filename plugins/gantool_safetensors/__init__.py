"""Weights as safetensors, as a gantool plugin."""
