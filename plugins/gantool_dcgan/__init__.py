"""DCGAN networks (Radford et al. 2016) as a gantool plugin."""
