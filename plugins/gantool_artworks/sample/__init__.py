"""Generated artworks by invented artists, for whoever has not fetched the real ones."""
