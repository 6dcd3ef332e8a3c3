"""The regularizer `slope-penalty`."""
