"""Spectral normalization (Miyato et al. 2018) as a gantool plugin."""
