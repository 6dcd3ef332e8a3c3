"""The state of a training: its form, saving it, going on from it."""
