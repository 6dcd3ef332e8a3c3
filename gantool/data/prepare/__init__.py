"""Images decoded once: prepared in processes of their own, stored, and found again."""
