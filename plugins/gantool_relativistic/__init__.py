"""Relativistic GAN losses as a gantool plugin."""
