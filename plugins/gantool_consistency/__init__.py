"""Consistency regularization of both players as a gantool plugin."""
