"""Penalties on the discriminator's gradient in its images, as a gantool plugin."""
