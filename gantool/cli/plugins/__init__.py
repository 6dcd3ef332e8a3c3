"""Commands about plugins, and what else is installed."""
