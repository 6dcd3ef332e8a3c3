"""The engine: two networks, their updates, and everything that keeps a run safe."""
