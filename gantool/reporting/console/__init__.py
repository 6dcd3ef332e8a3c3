"""The terminal: messages, progress, and a run as it goes on."""
