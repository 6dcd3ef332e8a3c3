"""The health of a run: the signs that it leads nowhere, and their watcher."""
