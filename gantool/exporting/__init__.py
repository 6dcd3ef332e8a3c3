"""Generators that leave the toolkit: safetensors, ONNX, a page that runs in a browser."""
