"""MLflow logging as a gantool plugin."""
