"""Recipes: their tables, read from files, with a place for every problem."""
