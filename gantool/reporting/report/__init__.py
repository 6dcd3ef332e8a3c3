"""The report of a run: everything its folder tells, on one page."""
