"""The four classic GAN losses as a gantool plugin."""
