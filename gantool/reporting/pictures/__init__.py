"""Pictures as files: grids, films, curves."""
