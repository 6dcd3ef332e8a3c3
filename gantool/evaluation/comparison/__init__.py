"""Runs side by side: what their folders tell, and what follows from it by stated rules."""
