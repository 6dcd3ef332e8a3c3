"""Everything that people see of a run: the console, sample grids, curves, loggers."""
