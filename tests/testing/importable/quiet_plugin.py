"""A plugin whose import does nothing that can be seen."""
