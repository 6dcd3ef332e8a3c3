"""Weight clipping and orthogonal regularization as a gantool plugin."""
