"""Checks of a recipe: tables by their models, components, and what goes together."""
