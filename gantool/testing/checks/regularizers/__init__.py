"""Promises of regularizers: about trainings with them, their hooks, their penalties."""
