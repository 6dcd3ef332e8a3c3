"""How fast a recipe trains, measured."""
