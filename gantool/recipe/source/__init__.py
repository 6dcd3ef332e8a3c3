"""TOML that remembers where everything was said, and the problems found there."""
