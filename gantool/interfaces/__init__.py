"""What a plugin implements, and the types in those signatures. Nothing here imports torch."""
