"""LeCam regularization as a gantool plugin."""
