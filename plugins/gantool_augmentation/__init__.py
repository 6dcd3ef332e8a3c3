"""Images changed at random before the discriminator sees them, as a gantool plugin."""
