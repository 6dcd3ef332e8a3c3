"""The command line: one file per command, and the application that holds them together."""
