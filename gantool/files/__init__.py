"""Files and folders, below all rooms: written durably, opened without following links, locked."""
