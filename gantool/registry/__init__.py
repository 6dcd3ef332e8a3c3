"""The components that are installed, and who supplies them."""
