"""Path length regularization of the generator as a gantool plugin."""
