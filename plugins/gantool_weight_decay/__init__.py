"""L2 weight decay as a gantool plugin."""
