"""The regularizer `slope-penalty`."""

gantool_interface = 1
"""Version of gantool's interfaces that this plugin is written for."""
