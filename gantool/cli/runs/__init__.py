"""Commands that make runs and use them."""
