"""Generators as ONNX, as a gantool plugin."""
