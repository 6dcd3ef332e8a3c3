"""One step: the updates of every player, in turn."""
