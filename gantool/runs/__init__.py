"""Everything a run was and made, in one folder."""
