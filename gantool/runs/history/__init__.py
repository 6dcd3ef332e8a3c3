"""What the files of a run folder tell: the one reader of them, whoever wrote them."""
