"""A trained generator, and the images drawn from it."""
