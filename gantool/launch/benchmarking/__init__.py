"""The speed at which a recipe trains, measured."""
