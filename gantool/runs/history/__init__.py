"""The one reader of a run folder's files, whoever wrote them."""
