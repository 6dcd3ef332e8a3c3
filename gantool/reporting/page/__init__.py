"""The page kit: one self-contained HTML file that opens anywhere, offline, in light and dark."""
