"""The files that `gantool new-plugin` writes."""
