"""TensorBoard logging as a gantool plugin."""
