"""What to train: the recipe's tables, reading them from files, and naming every problem."""
