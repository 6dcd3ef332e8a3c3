"""Which components are installed, and by whom they are supplied."""
